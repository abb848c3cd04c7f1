/**
 * Vehicles that stand too near each other to be told apart, as one number.
 *
 * The grid lies on the world and not on the screen, so that moving the map
 * changes no cluster; its cells keep one size on the screen by halves of a
 * zoom step, so that zooming a little changes none either. Pure.
 */
import type { Point } from '../../live/fleet/geo.ts'
import { WORLD_PX } from '../../live/map/viewport.ts'

const CELL_PX = 72
/** From so many in a cell on, they are a number: arrows that cover each other tell nothing. Near, where each is what one came for, later. */
const CROWDS = [
  { fromZoom: 16, count: 30 },
  { fromZoom: 14, count: 12 },
  { fromZoom: 0, count: 6 },
]

export interface Cluster extends Point {
  readonly count: number
  /** Of them, whose position is stale. */
  readonly stale: number
}

export interface Clustered<T> {
  readonly clusters: readonly Cluster[]
  readonly singles: readonly T[]
}

export interface Spot extends Point {
  readonly isStale: boolean
}

/** The zoom by which crowds are counted: within half a step nothing about them changes. */
export function crowdZoom(zoom: number): number {
  return Math.round(zoom * 2) / 2
}

export function cellOf(zoom: number): number {
  return CELL_PX / (WORLD_PX * 2 ** crowdZoom(zoom))
}

export function clusterAll<T>(items: Iterable<T>, zoom: number, spotOf: (item: T) => Spot): Clustered<T> {
  const size = cellOf(zoom)
  const columns = Math.ceil(1 / size)
  const crowd = CROWDS.find(({ fromZoom }) => crowdZoom(zoom) >= fromZoom)?.count ?? 0
  const cells = new Map<number, { items: T[]; x: number; y: number; stale: number }>()
  for (const item of items) {
    const { x, y, isStale } = spotOf(item)
    const key = Math.floor(y / size) * columns + Math.floor(x / size)
    const cell = cells.get(key)
    if (cell === undefined) {
      cells.set(key, { items: [item], x, y, stale: Number(isStale) })
      continue
    }
    cell.items.push(item)
    cell.x += x
    cell.y += y
    cell.stale += Number(isStale)
  }
  const clusters: Cluster[] = []
  const singles: T[] = []
  for (const { items: inside, x, y, stale } of cells.values()) {
    const count = inside.length
    if (count < crowd) singles.push(...inside)
    else clusters.push({ x: x / count, y: y / count, count, stale })
  }
  return { clusters, singles }
}

/** 7, 140, 1.2k: as much as fits into a bubble. */
export function countText(count: number): string {
  if (count < 1_000) return String(count)
  return `${count < 10_000 ? (count / 1_000).toFixed(1) : Math.round(count / 1_000)}k`
}
