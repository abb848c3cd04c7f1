/** A directory of the test's own, served by gRPC as the real one is. */
import type { EmergencyContact, GetUserResponse } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { startTestRpc, type TestRpc } from '@hushryd/kernel/testing/rpc-services.ts'

export class People implements AsyncDisposable {
  readonly rpc: TestRpc
  readonly users: Map<string, GetUserResponse>
  readonly contacts: Map<string, EmergencyContact[]>

  constructor(rpc: TestRpc, users: Map<string, GetUserResponse>, contacts: Map<string, EmergencyContact[]>) {
    this.rpc = rpc
    this.users = users
    this.contacts = contacts
  }

  add(
    user: Partial<GetUserResponse> & { readonly userId: string },
    contacts: Omit<EmergencyContact, 'voiceCall'>[] = [],
  ): void {
    this.users.set(user.userId, {
      name: '',
      phone: '',
      email: '',
      whatsapp: '',
      locale: 'en',
      pushTokens: [],
      version: 1,
      ...user,
    })
    // Calls are not notify's.
    this.contacts.set(
      user.userId,
      contacts.map((contact) => ({ ...contact, voiceCall: false })),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.rpc[Symbol.asyncDispose]()
  }
}

export async function startPeople(): Promise<People> {
  const users = new Map<string, GetUserResponse>()
  const contacts = new Map<string, EmergencyContact[]>()
  const rpc = await startTestRpc({
    async getUser({ userId }) {
      const user = users.get(userId)
      if (user !== undefined) return user
      throw new DomainError(ErrorReason.ERROR_REASON_USER_NOT_FOUND, 'There is no such user.')
    },
    async getEmergencyContacts({ userId }) {
      return { contacts: contacts.get(userId) ?? [], version: 1 }
    },
  })
  return new People(rpc, users, contacts)
}
