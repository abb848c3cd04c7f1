/**
 * Where unanswered alerts outlive a reload. One store belongs to one person:
 * put their id into the prefix where several sign in on the same device.
 */

export interface SosStore {
  get(key: string): Promise<string | undefined>
  set(key: string, value: string): Promise<void>
  remove(key: string): Promise<void>
}

/** What of localStorage is used. */
export interface WebStorage {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
  removeItem(key: string): void
}

/** What of React Native's AsyncStorage is used. */
export interface AsyncWebStorage {
  getItem(key: string): Promise<string | null>
  setItem(key: string, value: string): Promise<void>
  removeItem(key: string): Promise<void>
}

/** Outlives a lost connection, not the process. */
export function memorySosStore(): SosStore {
  const values = new Map<string, string>()
  return {
    get: async (key) => values.get(key),
    async set(key, value) {
      values.set(key, value)
    },
    async remove(key) {
      values.delete(key)
    },
  }
}

/** For `localStorage` and for React Native's AsyncStorage. */
export function storageSosStore(storage: WebStorage | AsyncWebStorage, prefix = 'hushryd.'): SosStore {
  return {
    get: async (key) => (await storage.getItem(prefix + key)) ?? undefined,
    async set(key, value) {
      await storage.setItem(prefix + key, value)
    },
    async remove(key) {
      await storage.removeItem(prefix + key)
    },
  }
}
