/** How an address is shown in records: enough to tell two apart, not to reach anyone. */
import { maskPhone } from '@hushryd/kernel/log.ts'
import type { Channel } from './provider.ts'

const TOKEN_SHOWN_CHARS = 4

function maskEmail(email: string): string {
  const at = email.lastIndexOf('@')
  return at < 1 ? '***' : `${email.slice(0, 1)}***${email.slice(at)}`
}

export function maskAddress(channel: Channel, address: string): string {
  switch (channel) {
    case 'sms':
    case 'whatsapp':
      return maskPhone(address)
    case 'email':
      return maskEmail(address)
    case 'push':
      return `…${address.slice(-TOKEN_SHOWN_CHARS)}`
  }
}
