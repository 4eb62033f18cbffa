import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

export type ServerStatus = {
  /** Whether it takes new clients. */
  isReady(): boolean;
  /** What clients may ask for. */
  models(): readonly { readonly name: string; readonly hash: string }[];
  /** Whether who asks may know the models. */
  mayKnow(request: IncomingMessage): boolean;
  /** What a scraper reads, if it may read it here. */
  readonly readMetrics: (() => Promise<{ readonly body: string; readonly type: string }>) | undefined;
};

type Page = (status: ServerStatus, request: IncomingMessage) => Answer | Promise<Answer>;
type Answer = { readonly code: number; readonly type: string; readonly body: string };

const text = (code: number, body: string): Answer => ({
  code,
  type: 'text/plain; charset=utf-8',
  body: `${body}\n`,
});

/** By path. They answer GET and HEAD. */
const pages: Readonly<Record<string, Page>> = {
  // The process runs; a restart would help where this does not answer.
  '/healthz': () => text(200, 'ok'),
  // New clients may be sent here.
  '/readyz': (status) => (status.isReady() ? text(200, 'ready') : text(503, 'starting or shutting down')),
  '/models': (status, request) => {
    if (!status.mayKnow(request)) return text(401, 'a token is needed');
    const models = status.models().map(({ name, hash }) => ({ name, plan_hash: hash }));
    const type = 'application/json; charset=utf-8';
    return { code: 200, type, body: `${JSON.stringify({ models })}\n` };
  },
  // They have the names of models.
  '/metrics': async (status, request) => {
    if (status.readMetrics === undefined) return text(404, 'no metrics here (--metrics-port)');
    if (!status.mayKnow(request)) return text(401, 'a token is needed');
    return { code: 200, ...(await status.readMetrics()) };
  },
};

/** Answers the requests of an operator's tools, and leaves all others to `next`. */
export function statusPages(status: ServerStatus, next: RequestListener): RequestListener {
  return (request, response: ServerResponse & { req: IncomingMessage }) => {
    const path = (request.url ?? '').split('?')[0]!;
    const isAsked = request.method === 'GET' || request.method === 'HEAD';
    if (!isAsked || !Object.hasOwn(pages, path)) return next(request, response);
    void Promise.resolve(pages[path]!(status, request))
      .catch(() => text(500, 'internal error'))
      .then((answer) => send(response, answer, request.method === 'HEAD'));
  };
}

function send(response: ServerResponse, { code, type, body }: Answer, isHead: boolean): void {
  response.writeHead(code, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  });
  response.end(isHead ? undefined : body);
}
