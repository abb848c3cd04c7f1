import { run } from '@hushryd/kernel/lifecycle.ts'
import { readLocationConfig } from './config.ts'
import { startLocation } from './service.ts'

await run((config) => startLocation(config), readLocationConfig)
