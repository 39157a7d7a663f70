import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** SPEC: RFC 6890 and the IANA special-purpose address registries. */
const NOT_PUBLIC_V4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const;

const blockedV4 = new BlockList();
for (const [net, prefix] of NOT_PUBLIC_V4) blockedV4.addSubnet(net, prefix, 'ipv4');

/** Only global unicast is public; mapped and translated forms of IPv4 are not in it or are cut out. */
const publicV6 = new BlockList();
publicV6.addSubnet('2000::', 3, 'ipv6');
const cutOutOfV6 = new BlockList();
for (const [net, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  cutOutOfV6.addSubnet(net, prefix, 'ipv6');
}

/** Whether `address` (text form) is one that the public internet routes. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !blockedV4.check(address, 'ipv4');
  if (!isIPv6(address) || address.includes('%')) return false;
  return publicV6.check(address, 'ipv6') && !cutOutOfV6.check(address, 'ipv6');
}
