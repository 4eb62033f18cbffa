import { isIPv6 } from 'node:net';

/**
 * What names the client behind an address. A machine on the internet has a whole IPv6 network, 2^64 addresses
 * to come from, so these clients are told apart by the network. Other addresses stand for themselves, and an
 * IPv4 address has one form.
 */
export function clientOfAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  // 2000::/3, the addresses of the internet. Neighbours in a local network may share the first 64 bits.
  if (!isIPv6(address) || !/^[23][0-9a-f]{3}:/i.test(address)) return address;
  const [before = '', after] = address.split('::');
  const groups = before.split(':');
  const missing = after === undefined ? 0 : 8 - groups.length - after.split(':').length;
  const all = [...groups, ...Array<string>(missing).fill('0'), ...(after?.split(':') ?? [])];
  const network = all.slice(0, 4).map((group) => Number.parseInt(group || '0', 16).toString(16));
  return `${network.join(':')}::/64`;
}
