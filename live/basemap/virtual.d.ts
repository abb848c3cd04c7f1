declare module 'virtual:ride-lines' {
  export const lines: import('./ride-lines.ts').RideLines
}
