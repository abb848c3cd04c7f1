import preact from '@preact/preset-vite'
import { defineConfig } from 'vite'
import { rideLinesPlugin } from '../live/basemap/ride-lines-plugin.ts'

/** `npm run dev` shows the page of these files with the sockets and routes of `npm start`. */
const EDGE = 'http://localhost:8080'

export default defineConfig({
  base: '/admin/',
  plugins: [preact(), rideLinesPlugin()],
  // MapLibre is most of it and does not get smaller by being split.
  build: { target: 'es2024', chunkSizeWarningLimit: 1500 },
  server: { proxy: { '/v1': { target: EDGE, ws: true, changeOrigin: true } } },
})
