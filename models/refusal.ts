/** Says why a node is not supported. The caller that knows the node's name turns it into a ModelError. */
export class Refusal extends Error {
  override name = 'Refusal';
}

export function refuse(reason: string): never {
  throw new Refusal(reason);
}
