/**
 * The portal and the playground, built into dist/web, served by the api process. Everything is
 * ours: no script, style or font comes from elsewhere, and nothing is inline but styles, so that
 * the pages work under a strict content security policy.
 */
import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

/** The cloud that `vite` (the development server) passes calls to. */
const api = process.env.NEPHO_URL ?? 'http://127.0.0.1:8080'

const fontUrl = /url\((['"]?)data:font\/woff2;base64,([A-Za-z0-9+/=]+)\1\)/g

/**
 * Fonts that packages carry inside their style sheets become files of their own: a browser then
 * loads the few weights that it shows, and not 130 kB of base64 before the first word.
 */
function fontsAsFiles(): Plugin {
  return {
    name: 'fonts-as-files',
    apply: 'build',
    enforce: 'post',
    generateBundle(_, bundle) {
      for (const asset of Object.values(bundle)) {
        if (asset.type !== 'asset' || !asset.fileName.endsWith('.css')) continue
        asset.source = asset.source.toString().replace(fontUrl, (_, _quote, base64: string) => {
          const source = Buffer.from(base64, 'base64')
          const hash = createHash('sha256').update(source).digest('hex').slice(0, 10)
          const fileName = `assets/font-${hash}.woff2`
          this.emitFile({ type: 'asset', fileName, source })
          return `url(/${fileName})`
        })
      }
    },
  }
}

export default defineConfig({
  root: import.meta.dirname,
  plugins: [fontsAsFiles(), react()],
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      // Directives of the React compiler, which packages leave in what they publish, mean nothing here.
      onLog(level, log, handle) {
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') handle(level, log)
      },
      input: {
        portal: resolve(import.meta.dirname, 'index.html'),
        playground: resolve(import.meta.dirname, 'playground.html'),
      },
    },
  },
  server: {
    proxy: {
      '/graphql': { target: api, ws: true },
      '/v1': { target: api, ws: true },
    },
  },
})
