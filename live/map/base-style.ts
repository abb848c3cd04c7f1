/** The map's background: tiles where the page was built with some, else shores and recorded rides, without any network. */

import { lines } from 'virtual:ride-lines'
import type { GeoJSONSourceSpecification, LayerSpecification, StyleSpecification } from 'maplibre-gl'
import { LAND, PLACE_NAMES, WATER } from '../basemap/bay.ts'
import { config } from '../config.ts'
import type { Palette } from './palette.ts'

/** The sketch of the bay ends somewhere: it is gone before its edges come into view. */
const SKETCH_FADE = { from: 7.5, to: 8.5 }

type Zoomed = ['interpolate', ['exponential', number], ['zoom'], ...number[]]

function byZoom(base: number, ...stops: number[]): Zoomed {
  return ['interpolate', ['exponential', base], ['zoom'], ...stops]
}

/** Coordinates as MapLibre's types want them: arrays that may be written to. */
type Position = number[]

type Geometry =
  | { type: 'Polygon' | 'MultiLineString'; coordinates: Position[][] }
  | { type: 'MultiPolygon'; coordinates: Position[][][] }

function geojson(geometry: Geometry): GeoJSONSourceSpecification {
  return { type: 'geojson', data: { type: 'Feature', properties: {}, geometry } }
}

function places(): GeoJSONSourceSpecification {
  const features = PLACE_NAMES.map(({ name, kind, at: [lng, lat] }) => ({
    type: 'Feature' as const,
    properties: { name, kind },
    geometry: { type: 'Point' as const, coordinates: [lng, lat] },
  }))
  return { type: 'geojson', data: { type: 'FeatureCollection', features } }
}

function ring(points: readonly (readonly [number, number])[]): Position[] {
  return points.map(([lng, lat]) => [lng, lat])
}

function nameLayer(
  kind: string,
  palette: Palette,
  more: { minzoom: number; maxzoom: number; size: Zoomed },
): LayerSpecification {
  return {
    id: `names-${kind}`,
    type: 'symbol',
    source: 'places',
    minzoom: more.minzoom,
    maxzoom: more.maxzoom,
    filter: ['==', ['get', 'kind'], kind],
    layout: {
      'text-field': ['get', 'name'],
      'text-font': [kind === 'water' ? 'Georgia, serif' : 'system-ui, sans-serif'],
      'text-size': more.size,
      'text-letter-spacing': kind === 'water' ? 0.2 : 0.04,
      'text-max-width': 7,
    },
    paint: {
      'text-color': kind === 'water' ? palette.waterLabel : palette.label,
      'text-halo-color': palette.labelHalo,
      'text-halo-width': kind === 'water' ? 0 : 1.2,
    },
  }
}

function sketchLayers(palette: Palette): LayerSpecification[] {
  const opacity = byZoom(1, SKETCH_FADE.from, 0, SKETCH_FADE.to, 1)
  // From near, the street that a vehicle is in matters more than where many went.
  const nearby = byZoom(1, 12.5, 1, 14.5, 0.6)
  const round = { 'line-cap': 'round', 'line-join': 'round' } as const
  return [
    {
      id: 'water',
      type: 'fill',
      source: 'water',
      paint: { 'fill-color': palette.water, 'fill-opacity': opacity },
    },
    {
      id: 'shore',
      type: 'line',
      source: 'shore',
      paint: { 'line-color': palette.shore, 'line-width': byZoom(1.4, 8, 1, 14, 4), 'line-opacity': opacity },
    },
    {
      id: 'land',
      type: 'fill',
      source: 'land',
      paint: { 'fill-color': palette.land, 'fill-opacity': opacity },
    },
    {
      id: 'rides-glow',
      type: 'line',
      source: 'rides',
      layout: round,
      paint: {
        'line-color': palette.ridesGlow,
        'line-width': byZoom(1.5, 9, 2, 16, 16),
        'line-opacity': nearby,
      },
    },
    {
      id: 'rides',
      type: 'line',
      source: 'rides',
      layout: round,
      paint: {
        'line-color': palette.rides,
        'line-width': byZoom(1.4, 9, 0.8, 16, 4),
        'line-opacity': nearby,
      },
    },
    nameLayer('water', palette, { minzoom: 9, maxzoom: 15, size: byZoom(1, 9, 12, 14, 22) }),
    nameLayer('quarter', palette, { minzoom: 11.6, maxzoom: 16, size: byZoom(1, 12, 11, 15, 14) }),
    nameLayer('city', palette, { minzoom: 8.5, maxzoom: 11.9, size: byZoom(1, 9, 11, 12, 16) }),
  ]
}

export function baseStyle(palette: Palette): StyleSpecification {
  const background: LayerSpecification = {
    id: 'background',
    type: 'background',
    paint: { 'background-color': palette.land },
  }
  if (config.tilesUrl !== undefined) {
    const { tilesUrl, tilesAttribution } = config
    return {
      version: 8,
      sources: {
        tiles: { type: 'raster', tiles: [tilesUrl], tileSize: 256, attribution: tilesAttribution },
      },
      layers: [background, { id: 'tiles', type: 'raster', source: 'tiles' }],
    }
  }
  return {
    version: 8,
    sources: {
      water: geojson({ type: 'Polygon', coordinates: [ring(WATER)] }),
      land: geojson({ type: 'MultiPolygon', coordinates: LAND.map((shore) => [ring(shore)]) }),
      shore: geojson({ type: 'MultiLineString', coordinates: LAND.map(ring) }),
      rides: geojson({ type: 'MultiLineString', coordinates: lines.coordinates.map(ring) }),
      places: places(),
    },
    layers: [background, ...sketchLayers(palette)],
  }
}
