import { describe, expect, it } from 'vitest'
import { clientAddress, limitKeyOf } from './address.ts'

function arrived(forwarded: string | undefined, peer = '10.0.0.1') {
  return {
    headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
    socket: { remoteAddress: peer },
  }
}

describe('the client’s address', () => {
  it.each([
    ['the TCP peer where no proxy is trusted', 0, '6.6.6.6, 1.2.3.4', '10.0.0.1'],
    ['the entry of the one proxy', 1, '6.6.6.6, 1.2.3.4', '1.2.3.4'],
    ['the entry of the outer of two proxies', 2, '6.6.6.6, 1.2.3.4, 10.0.0.9', '1.2.3.4'],
    ['the first entry where the request entered at an inner proxy', 3, '1.2.3.4', '1.2.3.4'],
    ['the TCP peer where the entry is no address', 1, '6.6.6.6, unknown', '10.0.0.1'],
    ['the TCP peer where there is no header', 1, undefined, '10.0.0.1'],
    ['without a port', 1, '1.2.3.4:5678', '1.2.3.4'],
    ['IPv6 without brackets and port', 1, '[2001:DB8::1]:443', '2001:db8::1'],
    ['IPv4 that was mapped into IPv6', 1, '::ffff:1.2.3.4', '1.2.3.4'],
  ])('is %s', (_what, trusted, forwarded, expected) => {
    expect(clientAddress(arrived(forwarded), trusted)).toBe(expected)
  })

  it('is empty where the socket is gone', () => {
    expect(clientAddress({ headers: {}, socket: {} }, 1)).toBe('')
  })
})

describe('what a limit counts by', () => {
  it.each([
    ['1.2.3.4', '1.2.3.4'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['', ''],
  ])('of %s is %s', (address, key) => {
    expect(limitKeyOf(address)).toBe(key)
  })
})
