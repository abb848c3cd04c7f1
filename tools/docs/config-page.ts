/** docs/CONFIG.md: each process's settings, from the objects that it reads them by. */
import * as shared from '../../kernel/common-settings.ts'
import type { Setting } from '../../kernel/config.ts'
import { lifecycleSettings } from '../../kernel/lifecycle.ts'
import { traceSettings } from '../../kernel/trace-settings.ts'
import { walk } from '../sources.ts'
import { exportsOf, GENERATED, table } from './markdown.ts'

type Settings = Readonly<Record<string, Setting<unknown>>>

interface Section {
  readonly title: string
  readonly settings: Settings
}

function isSetting(value: unknown): value is Setting<unknown> {
  return typeof value === 'object' && value !== null && 'kind' in value && 'doc' in value && 'parse' in value
}

function isSettings(value: unknown): value is Settings {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.keys(value).length > 0 &&
    Object.values(value).every(isSetting)
  )
}

/** `historySettings` of `services/location/config.ts` to `location history`. */
function titleOf(path: string, exported: string): string {
  const folder = path.replace(/\/config\.ts$/, '').replace(/^services\//, '')
  const part = exported
    .replace(/[sS]ettings$/, '')
    .replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  return part === '' || part === folder ? folder : `${folder} ${part}`
}

async function readSections(): Promise<Section[]> {
  const sections: Section[] = []
  for (const path of walk().filter((file) => /^(?:edge|services\/[^/]+)\/config\.ts$/.test(file))) {
    for (const [exported, value] of await exportsOf(path)) {
      if (isSettings(value)) sections.push({ title: titleOf(path, exported), settings: value })
    }
  }
  return sections
}

const SHARED_SECTIONS: readonly Section[] = [
  { title: 'Every service', settings: { ...shared.processSettings, ...lifecycleSettings } },
  { title: 'Traces of every service', settings: traceSettings },
  { title: 'Peers', settings: shared.peerSettings },
  { title: 'NATS', settings: shared.natsSettings },
  { title: 'Redis', settings: shared.redisSettings },
  { title: 'MongoDB', settings: shared.mongoSettings },
  { title: 'Addresses of services', settings: shared.addressSettings },
]

function rowOf([name, setting]: [string, Setting<unknown>]): string[] {
  const { kind, doc, defaultText, isRequired, isSecret } = setting
  const fallback =
    defaultText === undefined
      ? isRequired
        ? 'required'
        : ''
      : defaultText === ''
        ? 'empty'
        : `\`${defaultText}\``
  return [isSecret ? `\`${name}\`, \`${name}_FILE\`` : `\`${name}\``, kind, fallback, doc]
}

function settingsTable(settings: readonly [string, Setting<unknown>][]): string {
  return table(['setting', 'kind', 'default', ''], settings.map(rowOf))
}

function describeProcess({ title, settings }: Section): string {
  const entries = Object.entries(settings)
  const isShared = ([name, setting]: [string, Setting<unknown>]): boolean =>
    SHARED_SECTIONS.some((section) => section.settings[name] === setting)
  const groups = SHARED_SECTIONS.slice(1).flatMap((section) => {
    const names = Object.keys(section.settings).filter((name) => settings[name] === section.settings[name])
    if (names.length === 0) return []
    const isWhole = names.length === Object.keys(section.settings).length
    return [isWhole ? section.title : `${section.title} (${names.map((name) => `\`${name}\``).join(', ')})`]
  })
  const own = entries.filter((entry) => !isShared(entry))
  return [
    `## ${title}`,
    ...(own.length === 0 ? [] : [settingsTable(own)]),
    ...(groups.length === 0 ? [] : [`And those of: ${groups.join(' · ')}.`]),
  ].join('\n\n')
}

export async function describeConfig(): Promise<string> {
  const parts = [
    '# Configuration',
    GENERATED,
    'Each process reads its settings from the environment, checks all of them at start, and ends with status 78 after naming every one that is wrong. A secret may come from a file instead, whose path stands in `NAME_FILE`; it never has a default. `npm start` sets what the local processes need: [local/README.md](../local/README.md).',
    '# Shared',
    ...SHARED_SECTIONS.map(
      ({ title, settings }) => `## ${title}\n\n${settingsTable(Object.entries(settings))}`,
    ),
    '# Processes',
    ...(await readSections()).map(describeProcess),
  ]
  return `${parts.join('\n\n')}\n`
}
