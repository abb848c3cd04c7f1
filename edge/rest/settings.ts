import { integer } from '@hushryd/kernel/config.ts'

export const restSettings = {
  REST_RATE_USER: integer({
    default: 600,
    min: 1,
    max: 10_000,
    doc: 'REST requests of one person within a minute; SOS and HushRyd’s backend are not counted.',
  }),
  REST_RATE_ADDRESS: integer({
    default: 3_000,
    min: 1,
    max: 100_000,
    doc: 'REST requests from one address within a minute, failed logins included. Mobile networks put hundreds of people behind one address.',
  }),
} as const
