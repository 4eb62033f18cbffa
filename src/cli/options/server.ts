import { X509Certificate } from 'node:crypto';
import { Option } from 'commander';
import type { Command } from 'commander';
import type { ConnectOptions } from '../../client.ts';
import { defined } from '../../shared/defined.ts';
import { UsageError } from '../../shared/errors.ts';
import * as format from '../../shared/format.ts';
import { byteSize, whole } from './command.ts';
import type { Context } from './command.ts';
import { threadsHelp } from './inputs.ts';
import { readNamedFile } from './named-file.ts';
import { readTokens } from './tokens.ts';

/** Options of the commands that ask a server. */
export type AskFlags = {
  readonly planHash?: string;
  readonly model?: string;
  readonly retry: number;
  readonly ca?: string;
  readonly tokenFile?: string;
  readonly threads?: number;
  readonly memory?: number;
};

export function askFlags(command: Command): Command {
  return command
    .option('--plan-hash <hash>', 'refuse any plan but the one with this hash')
    .option('--model <name>', 'ask for the model with this name, of a server with several')
    .option(
      '--retry <seconds>',
      'keep trying for this long if the server refuses for now or cannot be reached',
      whole(0, 86_400),
      10,
    )
    .option('--ca <file>', 'trust this PEM certificate, for a wss:// server with a self-signed one')
    .addOption(
      new Option('--token-file <file>', 'file with the token that the server asks for').env(
        'RELUCTANT_TOKEN_FILE',
      ),
    )
    .option('--threads <n>', threadsHelp, whole(1, 256))
    .option(
      '--memory <size>',
      'memory for rows of oblivious transfers that are made ahead, and for the indices of their code, such as ' +
        '30MB; answers stay the same (default: 73MB of rows, 16MB of indices in each thread)',
      byteSize,
    );
}

export async function askOptions(flags: AskFlags, { warn }: Pick<Context, 'warn'>): Promise<ConnectOptions> {
  const { planHash, model, retry, ca, tokenFile, threads, memory } = flags;
  if (planHash !== undefined && !/^[0-9a-f]{64}$/i.test(planHash))
    throw new UsageError(`--plan-hash ${planHash}: expected the 64 hexadecimal digits that 'serve' prints`);
  return {
    ...(ca !== undefined && { ca: await certificate(ca) }),
    ...(tokenFile !== undefined && { token: (await readTokens('--token-file', tokenFile))[0]!.token }),
    retrySeconds: retry,
    onRetry: (reason, seconds) => warn(`${reason.message}; trying again in ${format.duration(seconds)}`),
    ...defined({ planHash, model, threads, memory }),
  };
}

/** TLS would take any file, and then call the server's certificate one that is not trusted. */
async function certificate(file: string): Promise<Uint8Array> {
  const bytes = await readNamedFile('--ca', file);
  try {
    new X509Certificate(bytes);
  } catch {
    throw new UsageError(`--ca ${file}: expected a certificate as PEM, with a line BEGIN CERTIFICATE`);
  }
  return bytes;
}
