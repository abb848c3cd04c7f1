/** The page's colours on the map, by day and by night. The panels' are in style.css. */

type Rgb = readonly [red: number, green: number, blue: number]

export interface Palette {
  readonly land: string
  readonly water: string
  readonly shore: string
  readonly rides: string
  readonly ridesGlow: string
  readonly label: string
  readonly waterLabel: string
  readonly labelHalo: string
  readonly fresh: Rgb
  readonly stale: Rgb
  readonly chosen: Rgb
  readonly outline: string
}

export const DAY: Palette = {
  land: '#f4f3ef',
  water: '#cfe0ea',
  shore: '#b4ccd9',
  rides: 'rgba(74, 88, 128, 0.13)',
  ridesGlow: 'rgba(255, 255, 255, 0.5)',
  label: '#5f6880',
  waterLabel: '#7393a8',
  labelHalo: 'rgba(250, 250, 248, 0.85)',
  fresh: [0, 122, 116],
  stale: [150, 154, 163],
  chosen: [217, 72, 15],
  outline: '#ffffff',
}

export const NIGHT: Palette = {
  land: '#171c27',
  water: '#0c1119',
  shore: '#232c3d',
  rides: 'rgba(132, 160, 222, 0.12)',
  ridesGlow: 'rgba(60, 84, 150, 0.06)',
  label: '#8d9ab4',
  waterLabel: '#44546f',
  labelHalo: 'rgba(14, 18, 27, 0.8)',
  fresh: [72, 224, 196],
  stale: [108, 116, 132],
  chosen: [255, 159, 67],
  outline: '#0b0f17',
}

/** Between the colours of stale and fresh. */
export function freshnessColour({ fresh, stale }: Palette, freshness: number): string {
  const [red, green, blue] = fresh.map((part, index) => {
    const from = stale[index] ?? part
    return Math.round(from + (part - from) * freshness)
  })
  return `rgb(${red} ${green} ${blue})`
}
