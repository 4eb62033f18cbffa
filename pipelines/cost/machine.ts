import { z } from 'zod';
import type { ElementKind } from '../../crypto/spec.ts';

/** The parts of an activation layer's work, in the order in which the parties do them. */
export const activationParts = ['offer', 'garble', 'take', 'message', 'reply', 'finish'] as const;
export type ActivationPart = (typeof activationParts)[number];

const seconds = z.number().min(0).max(1);
/** Per ReLU, per wire of a ReLU's window (on top), per affine element, per square. */
const elementCosts = z.object({
  ...{ relu: seconds, wire: seconds, affine: seconds, square: seconds },
} satisfies Record<ElementKind | 'wire', z.ZodType>);
export type ElementCosts = z.infer<typeof elementCosts>;

/**
 * What the protocol's units of work cost on a machine: processor seconds of one thread. `reluctant bench machine` measures them, with
 * the functions that the protocol itself runs. Unknown keys are refused: another version wrote them.
 */
export const machineCostsSchema = z.strictObject({
  /** The processor, as the machine names it. */
  machine: z.string(),
  /** YYYY-MM-DD */
  date: z.string(),
  /** Threads that can run at once. */
  cores: z.int().min(1),
  /** Homomorphic encryption of linear layers, N = 4096. */
  linear: z.strictObject({
    /** An input ciphertext: packed and encrypted by the client; read and transformed by each of the server's threads. */
    encryptInput: seconds,
    readInput: seconds,
    /** A product with a weight whose transform is kept, and its sum. */
    product: seconds,
    /** The transform of a weight, in a server's first inference and where the cache is full. */
    transformWeight: seconds,
    /** An output ciphertext: transformed back, flooded, switched and packed by the server; decrypted by the client. */
    respondOutput: seconds,
    decryptOutput: seconds,
    /** A layer, however small: what crosses to the threads and back, both parties. */
    layer: seconds,
  }),
  /** Products of private vectors, per ciphertext (two for 8,192 squares begun). */
  squares: z.strictObject({ encrypt: seconds, respond: seconds, decrypt: seconds }),
  activation: z.strictObject({
    /** Client, offline: chooses the transfers. */
    offer: elementCosts,
    /** Server, offline: extends them, garbles. */
    garble: elementCosts,
    /** Client, offline: takes the circuits. */
    take: elementCosts,
    /** Server, client, server, online. */
    message: elementCosts,
    reply: elementCosts,
    finish: elementCosts,
  }),
  /** The server's convolution in the ring: a multiplication (to whole registers of 16 columns), an output element. */
  ring: z.strictObject({ multiplication: seconds, element: seconds }),
  /** Both ends of a connection on this machine together: a byte each way, a message. */
  transport: z.strictObject({ byteUp: seconds, byteDown: seconds, message: seconds }),
});
export type MachineCosts = z.infer<typeof machineCostsSchema>;
