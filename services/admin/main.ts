import { run } from '@hushryd/kernel/lifecycle.ts'
import { readAdminConfig } from './config.ts'
import { startAdmin } from './service.ts'

await run((config) => startAdmin(config), readAdminConfig)
