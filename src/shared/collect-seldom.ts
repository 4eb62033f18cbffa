import { setFlagsFromString } from 'node:v8';

/**
 * Has V8 search this process for old garbage when its heap is five times what the last search left, in place
 * of 1.3 times. V8 counts buffers to the heap. A server's objects take 24 MB, so that 8 MB of messages, which
 * are most of one inference, made it search: six times a second beside four clients that prepare, with 20 to
 * 100 ms of work each on 2 busy cores. Now it searches a quarter as often: a client takes 1.2 s of processor
 * for the offline phase of a ResNet-18 in place of 2.0, with the same memory. Whatever the heap, V8
 * searches when buffers have grown by 64 MB.
 */
export function collectSeldom(): void {
  setFlagsFromString('--heap-growing-percent=400');
}
