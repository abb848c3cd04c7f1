import { run } from '@hushryd/kernel/lifecycle.ts'
import { readSosConfig } from './config.ts'
import { startSos } from './service.ts'

await run((config) => startSos(config), readSosConfig)
