import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

export type ServerStatus = {
  /** Whether it takes new clients. */
  isReady(): boolean;
  /** What clients may ask for. */
  models(): readonly { readonly name: string; readonly hash: string }[];
  /** Whether who asks may know the models. */
  mayKnow(request: IncomingMessage): boolean;
};

type Page = (status: ServerStatus, request: IncomingMessage) => Answer;
type Answer = { readonly code: number; readonly type: string; readonly body: string };

const text = (code: number, body: string): Answer => ({ code, type: 'text/plain', body: `${body}\n` });

/** By path. They answer GET and HEAD. */
const pages: Readonly<Record<string, Page>> = {
  // The process runs; a restart would help where this does not answer.
  '/healthz': () => text(200, 'ok'),
  // New clients may be sent here.
  '/readyz': (status) => (status.isReady() ? text(200, 'ready') : text(503, 'starting or shutting down')),
  '/models': (status, request) => {
    if (!status.mayKnow(request)) return text(401, 'a token is needed');
    const models = status.models().map(({ name, hash }) => ({ name, plan_hash: hash }));
    return { code: 200, type: 'application/json', body: `${JSON.stringify({ models })}\n` };
  },
};

/** Answers the requests of an operator's tools, and leaves all others to `next`. */
export function statusPages(status: ServerStatus, next: RequestListener): RequestListener {
  return (request, response: ServerResponse & { req: IncomingMessage }) => {
    const path = (request.url ?? '').split('?')[0]!;
    const isAsked = request.method === 'GET' || request.method === 'HEAD';
    if (!isAsked || !Object.hasOwn(pages, path)) return next(request, response);
    const { code, type, body } = pages[path]!(status, request);
    response.writeHead(code, {
      'content-type': `${type}; charset=utf-8`,
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
}
