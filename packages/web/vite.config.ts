import adapter from '@sveltejs/adapter-static'
import { sveltekit } from '@sveltejs/kit/vite'
import tailwindcss from '@tailwindcss/vite'
import { defineConfig } from 'vite'

export default defineConfig({
  plugins: [
    tailwindcss(),
    sveltekit({
      compilerOptions: { runes: true },
      adapter: adapter({ pages: 'build', fallback: 'index.html', precompress: true }),
      paths: { relative: false },
    }),
  ],
  build: { reportCompressedSize: false },
})
