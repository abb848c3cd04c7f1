/** The Kubernetes base, held against the programs, the mesh's members and the edge's drain. */
import { readFileSync } from 'node:fs'
import { DEMO, PROGRAMS } from '@hushryd/local/programs.ts'
import { expect, test } from 'vitest'
import { MEMBERS } from '../members.ts'
import { baseManifests, type Deployment, podsPatch } from './base-manifests.ts'

interface Service {
  readonly spec: { readonly ports: readonly { name: string; port: number; appProtocol: string }[] }
}

interface Named {
  readonly metadata: { readonly name: string }
}

const DEPLOYMENTS = baseManifests<Deployment>('Deployment')
const POD = podsPatch().spec.template.spec
const SETTINGS = baseManifests<{ data: Readonly<Record<string, string>> }>('ConfigMap')[0]?.data ?? {}

function names(manifests: readonly Named[]): string[] {
  return manifests.map(({ metadata }) => metadata.name).sort()
}

function portsOf({ spec }: Deployment): Record<string, number> {
  const [process] = spec.template.spec.containers
  return Object.fromEntries(process.ports.map(({ name, containerPort }) => [name, containerPort]))
}

test('every program of the system is deployed, and what is deployed is a member of the mesh', () => {
  const scripts = new Set(DEPLOYMENTS.map(({ spec }) => spec.template.spec.containers[0].args[0]))
  const programs = PROGRAMS.filter(({ name }) => name !== DEMO && name !== 'sandbox')
  expect(programs.filter(({ script }) => !scripts.has(script))).toEqual([])
  expect(names(DEPLOYMENTS)).toEqual(MEMBERS.map(({ name }) => name).sort())
})

test('each runs under an account of its own name, by which its peers know it', () => {
  for (const { metadata, spec } of DEPLOYMENTS) {
    expect(spec.template.spec.serviceAccountName).toBe(metadata.name)
  }
  expect(names(baseManifests('ServiceAccount'))).toEqual(names(DEPLOYMENTS))
  expect(names(baseManifests('PodDisruptionBudget'))).toEqual(names(DEPLOYMENTS))
})

test('ports are those of the members, in the pods, the services and the addresses', () => {
  const services = new Map(
    baseManifests<Service>('Service').map(({ metadata, spec }) => [metadata.name, spec]),
  )
  for (const deployment of DEPLOYMENTS) {
    const { name } = deployment.metadata
    const member = MEMBERS.find((candidate) => candidate.name === name)
    const { grpc, ops } = portsOf(deployment)
    expect({ name, grpc, ops }).toEqual({ name, grpc: member?.grpcPort, ops: member?.opsPort })
    expect(deployment.spec.template.metadata.annotations['prometheus.io/port']).toBe(String(ops))
    if (grpc === undefined) continue
    expect(services.get(name)?.ports.find(({ appProtocol }) => appProtocol === 'grpc')?.port).toBe(grpc)
    expect(SETTINGS[`${name.toUpperCase()}_ADDR`]).toBe(`${name}.hushryd.svc.cluster.local:${grpc}`)
  }
})

test('each has something that decides how many there are', () => {
  const scaled = [...baseManifests('HorizontalPodAutoscaler'), ...baseManifests('ScaledObject')]
  expect(names(scaled)).toEqual(names(DEPLOYMENTS))
})

test('a secret that a process reads is mounted, and comes from the secret store', () => {
  const stored = new Map(
    baseManifests<{ spec: { data: readonly { secretKey: string }[] } }>('ExternalSecret').map(
      ({ metadata, spec }) => [metadata.name, new Set(spec.data.map(({ secretKey }) => secretKey))],
    ),
  )
  for (const { spec } of DEPLOYMENTS) {
    const { volumes = [], containers } = spec.template.spec
    for (const { name, value, valueFrom } of containers[0].env ?? []) {
      if (valueFrom?.secretKeyRef !== undefined) expect(stored.has(valueFrom.secretKeyRef.name)).toBe(true)
      if (!name.endsWith('_FILE')) continue
      const [, file = ''] = /^\/run\/secrets\/hushryd\/(.+)$/.exec(value ?? '') ?? []
      expect(stored.get(volumes[0]?.secret.secretName ?? '')?.has(file), name).toBe(true)
    }
  }
})

/** As the kernel has it: past it a process ends itself, done or not. */
function stopBoundSeconds(): number {
  const lifecycle = readFileSync(new URL('../../kernel/lifecycle.ts', import.meta.url), 'utf8')
  return Number(/STOP_BOUND_MS = ([\d_]+)/.exec(lifecycle)?.[1]?.replaceAll('_', '')) / 1000
}

test('a pod is given the time that its process takes to say goodbye', () => {
  const pauseSeconds = POD.containers[0].lifecycle.preStop.sleep.seconds
  const ownSeconds = stopBoundSeconds()
  const drainSeconds = (Number(SETTINGS.DRAIN_MS) + Number(SETTINGS.STOP_GRACE_MS)) / 1000
  expect(drainSeconds).toBeLessThan(ownSeconds)
  expect(pauseSeconds + ownSeconds).toBeLessThan(POD.terminationGracePeriodSeconds)
})
