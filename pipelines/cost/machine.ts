import { z } from 'zod';
import type { ElementKind } from '../../crypto/spec.ts';

/** The parts of an activation layer's work, in the order in which the parties do them. */
export const activationParts = [
  'clientKeys',
  'serverKeys',
  'clientTables',
  'serverTables',
  'message',
  'reply',
  'finish',
] as const;
export type ActivationPart = (typeof activationParts)[number];

/** The parts in which the rows of transfers are hashed. */
export const hashingParts: ReadonlySet<ActivationPart> = new Set(['clientKeys', 'serverKeys']);

const seconds = z.number().min(0).max(1);
/**
 * Seconds per ReLU, per transfer and per string byte of a ReLU's sign test (both added to that of the ReLU),
 * per affine element and per square. Where rows are hashed, those of a square are added to it too.
 */
const elementCosts = z.object({
  ...{ relu: seconds, transfer: seconds, string: seconds, affine: seconds, square: seconds },
} satisfies Record<ElementKind | 'transfer' | 'string', z.ZodType>);
const drawn = z.strictObject({ chooser: seconds, offerer: seconds });
export type ElementCosts = z.infer<typeof elementCosts>;

/**
 * What one unit of each kind of the protocol's work costs on a machine, in processor seconds of one thread.
 * `reluctant bench machine` measures the costs by running the protocol's own functions. Unknown keys are
 * refused, because another version of the program wrote them.
 */
export const machineCostsSchema = z.strictObject({
  /** The name of the processor, as the operating system reports it. */
  machine: z.string(),
  /** The date of the measurement, YYYY-MM-DD. */
  date: z.string(),
  /** The number of threads that can run at once. */
  cores: z.int().min(1),
  /** Homomorphic encryption for linear layers (N = 4096). */
  linear: z.strictObject({
    /**
     * Per input ciphertext. The client packs and encrypts it (`encryptInput`); the server reads it
     * (`readInput`).
     */
    encryptInput: seconds,
    readInput: seconds,
    /** Per product with a weight whose transform is cached, including its addition to the sum. */
    product: seconds,
    /**
     * Per weight that is transformed: in a server's first inference, and when the cache of transforms is
     * full.
     */
    transformWeight: seconds,
    /**
     * Per output ciphertext. The server transforms it back, hides, rounds and packs it (`respondOutput`); the
     * client decrypts it (`decryptOutput`).
     */
    respondOutput: seconds,
    decryptOutput: seconds,
    /** Per layer, whatever its size: passing data to both parties' threads and back. */
    layer: seconds,
  }),
  /**
   * Per transfer, without the hash of its row: a party chooses, or offers. `softspoken` with trees of the
   * default depth; `silent` with s16, whole iterations and their check.
   */
  transfers: z.strictObject({ softspoken: drawn, silent: drawn }),
  activation: z.strictObject({
    /** Offline: each party hashes the rows of all transfers. */
    clientKeys: elementCosts,
    serverKeys: elementCosts,
    /** Offline, client: makes the tables of its side and the strings for the server. */
    clientTables: elementCosts,
    /** Offline, server: makes its tables from the strings. */
    serverTables: elementCosts,
    /** Online: the server's message, the client's reply and the server's last step. */
    message: elementCosts,
    reply: elementCosts,
    finish: elementCosts,
  }),
  /**
   * The server's convolution in the ring: per multiplication, counted in whole registers of 16 columns, and
   * per output element.
   */
  ring: z.strictObject({ multiplication: seconds, element: seconds }),
  /** Both ends of a connection, on one machine together: per byte in each direction, and per message. */
  transport: z.strictObject({ byteUp: seconds, byteDown: seconds, message: seconds }),
});
export type MachineCosts = z.infer<typeof machineCostsSchema>;
