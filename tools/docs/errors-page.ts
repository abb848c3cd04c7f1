/** docs/ERRORS.md: every reason, from the contract's comments and the kernel's table. */
import { ErrorReason } from '../../gen/hushryd/error/v1/error.ts'
import { ERROR_TABLE } from '../../kernel/error-table.ts'
import { readText } from '../sources.ts'
import { GENERATED, table } from './markdown.ts'

const PROTO = 'proto/hushryd/error/v1/error.proto'

/** The comment above each value of the enum. */
function readComments(): ReadonlyMap<string, string> {
  const comments = new Map<string, string>()
  for (const [, comment = '', name = ''] of readText(PROTO).matchAll(
    /((?:^ *\/\/.*\n)+) *ERROR_REASON_(\w+) = \d+;/gm,
  )) {
    comments.set(
      name,
      comment
        .replaceAll(/^ *\/\/ ?/gm, '')
        .trim()
        .replaceAll('\n', ' '),
    )
  }
  return comments
}

export function describeErrors(): string {
  const comments = readComments()
  const rows = Object.values(ErrorReason)
    .filter((reason) => reason !== ErrorReason.ERROR_REASON_UNSPECIFIED)
    .map((reason) => {
      const { name, code, http, retry } = ERROR_TABLE[reason]
      return [`\`${name}\``, code, String(http), retry ? 'yes' : 'no', comments.get(name) ?? '']
    })
  const parts = [
    '# Errors',
    GENERATED,
    'Every refusal has a reason, the same over gRPC (`google.rpc.ErrorInfo`, domain `hushryd`), REST (problem document, RFC 9457) and WebSocket (`error` frame). `code` in REST and WebSocket is the gRPC status. Retry says whether the same request may succeed later without a change; where a time is known, it comes as `RetryInfo`, `Retry-After` or `retryAfterMs`. A reason that a client does not know is treated by its status.',
    table(['reason', 'gRPC status and `code`', 'HTTP', 'retry', ''], rows),
  ]
  return `${parts.join('\n\n')}\n`
}
