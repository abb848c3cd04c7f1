/** What a provider of telephony is to the sandbox. One file each beside this one. */
import type { SandboxReply, SandboxRequest } from '../exchange.ts'
import type { SandboxCall } from './call-board.ts'

export interface VoiceSandbox {
  readonly name: string
  /** Its address for new calls. */
  matches(request: SandboxRequest): boolean
  /** Takes a call, which then goes on by itself. */
  receive(request: SandboxRequest): SandboxReply
  /** What it says when it is broken. */
  failure(): SandboxReply
  refusal(code: string): SandboxReply | undefined
  /** Somebody dials a virtual number: resolves once it is known what he hears, or that the other phone rings. */
  ringIn(from: string, to: string): Promise<SandboxCall>
  /** Somebody writes an SMS to a virtual number: resolves with the reply, empty for none. */
  textIn(from: string, to: string, body: string): Promise<string>
}
