/** A dashboard as Grafana reads it. Pure. */
import type { Panel, Unit } from './panel.ts'

export interface Dashboard {
  /** Also its file’s name, without the ending. */
  readonly uid: string
  readonly title: string
  readonly json: object
  /** Where each stands, for checks. */
  readonly expressions: readonly { readonly where: string; readonly text: string }[]
}

interface Section {
  readonly title: string
  readonly panels: readonly Panel[]
}

const UNITS: Readonly<Record<Unit, string>> = {
  seconds: 's',
  milliseconds: 'ms',
  'per second': 'ops',
  count: 'short',
  share: 'percentunit',
  bytes: 'bytes',
}
const SOURCE = { type: 'prometheus', uid: '$source' }
/** Of Grafana's 24 columns. */
const WIDTH = 12
const HEIGHT = 8

function panelJson({ title, unit, queries, limit }: Panel, index: number, top: number): object {
  const steps = [
    { color: 'green', value: null },
    ...(limit === undefined ? [] : [{ color: 'red', value: limit }]),
  ]
  return {
    type: 'timeseries',
    title,
    datasource: SOURCE,
    gridPos: { x: (index % 2) * WIDTH, y: top + Math.floor(index / 2) * HEIGHT, w: WIDTH, h: HEIGHT },
    fieldConfig: {
      defaults: {
        unit: UNITS[unit],
        min: 0,
        thresholds: { mode: 'absolute', steps },
        custom: { thresholdsStyle: { mode: limit === undefined ? 'off' : 'line' } },
      },
      overrides: [],
    },
    options: {
      legend: { displayMode: 'list', placement: 'bottom' },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
    targets: queries.map(([expr, legendFormat], query) => ({
      refId: String.fromCharCode(65 + query),
      datasource: SOURCE,
      expr,
      legendFormat,
      // Shows the traces that histograms name.
      exemplar: expr.includes('_bucket'),
    })),
  }
}

function layOut(sections: readonly Section[]): object[] {
  const all: object[] = []
  let top = 0
  for (const { title, panels } of sections) {
    all.push({ type: 'row', title, collapsed: false, gridPos: { x: 0, y: top, w: 24, h: 1 }, panels: [] })
    top += 1
    all.push(...panels.map((panel, index) => panelJson(panel, index, top)))
    top += Math.ceil(panels.length / 2) * HEIGHT
  }
  return all.map((panel, index) => ({ id: index + 1, ...panel }))
}

export interface Described {
  readonly uid: string
  readonly title: string
  readonly description: string
  readonly tags: readonly string[]
  readonly links: readonly object[]
  readonly sections: readonly Section[]
}

export function describeDashboard({ uid, title, description, tags, links, sections }: Described): Dashboard {
  const expressions = sections.flatMap(({ panels }) =>
    panels.flatMap((panel) => panel.queries.map(([text]) => ({ where: `${uid}/${panel.title}`, text }))),
  )
  const json = {
    uid,
    title,
    description,
    tags: ['hushryd', ...tags],
    schemaVersion: 39,
    version: 1,
    editable: false,
    timezone: 'browser',
    refresh: '30s',
    time: { from: 'now-3h', to: 'now' },
    links,
    templating: {
      list: [{ name: 'source', label: 'Prometheus', type: 'datasource', query: 'prometheus', hide: 0 }],
    },
    annotations: {
      list: [
        {
          name: 'Alerts',
          enable: true,
          datasource: SOURCE,
          expr: 'ALERTS{alertstate="firing",severity="page"}',
          titleFormat: '{{alertname}}',
          iconColor: 'red',
        },
      ],
    },
    panels: layOut(sections),
  }
  return { uid, title, json, expressions }
}
