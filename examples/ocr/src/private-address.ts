import { BlockList, isIP } from 'node:net'

/** Loopback, private, link-local, shared, reserved, documentation and multicast ranges: nothing on the public internet. */
const notPublic = new BlockList()

const IPV4_RANGES = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const

/** 64:ff9b::/96 and 2002::/16 carry an IPv4 address inside, which would slip past the list above. */
const IPV6_RANGES = [
  ['::', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const

for (const [network, prefix] of IPV4_RANGES) notPublic.addSubnet(network, prefix, 'ipv4')
for (const [network, prefix] of IPV6_RANGES) notPublic.addSubnet(network, prefix, 'ipv6')

/** Whether an IP address is one only this machine or its network can mean. IPv4 inside IPv6 (::ffff:…) counts as IPv4. */
export function isPrivateAddress(address: string): boolean {
  const family = isIP(address)
  if (family === 0) return true
  return notPublic.check(address, family === 4 ? 'ipv4' : 'ipv6')
}
