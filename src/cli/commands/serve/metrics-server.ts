import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { checkAddress } from '../../../server.ts';
import type { Metrics } from '../../../serving/metrics.ts';
import { UsageError } from '../../../shared/errors.ts';

export type MetricsServer = { readonly url: string; close(): void };

/** Throws UsageError if `serveMetrics` could not listen there. */
export async function checkMetricsPort(host: string, port: number): Promise<void> {
  await checkAddress({ host, port }).catch((error: Error) => {
    throw new UsageError(`--metrics-port: ${error.message}`);
  });
}

/** Where a server answers for metrics itself. */
export function metricsUrl(serverUrl: string): string {
  return `${serverUrl.replace(/^ws/, 'http')}/metrics`;
}

/** Answers `GET /metrics` on a port of its own, so that clients need not see it. */
export async function serveMetrics(host: string, port: number, metrics: Metrics): Promise<MetricsServer> {
  const http = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('/metrics is here\n');
      return;
    }
    metrics.read().then(
      ({ body, type }) => response.writeHead(200, { 'content-type': type }).end(body),
      () => response.writeHead(500).end(),
    );
  });
  await listening(http, host, port);
  const { address, port: taken, family } = http.address() as AddressInfo;
  const name = family === 'IPv6' ? `[${address}]` : address;
  return {
    url: `http://${name}:${taken}/metrics`,
    close: () => {
      http.close();
      http.closeAllConnections();
    },
  };
}

function listening(http: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once('error', (error) => reject(new UsageError(`--metrics-port ${port}: ${error.message}`)));
    http.listen(port, host, resolve);
  });
}
