// Only what oxlint cannot read yet: the markup of Svelte components. Types are svelte-check's job.
import parser from '@typescript-eslint/parser'
import svelte from 'eslint-plugin-svelte'
import globals from 'globals'

export default [
  ...svelte.configs.recommended,
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { globals: globals.browser, parserOptions: { parser } },
    rules: {
      'svelte/button-has-type': 'error',
      'svelte/no-target-blank': 'error',
      'svelte/require-each-key': 'error',
      'svelte/no-at-html-tags': 'error',
      // Plain maps and sets behind runes are fine, and the page is always served from the root.
      'svelte/prefer-svelte-reactivity': 'off',
      'svelte/no-navigation-without-resolve': 'off',
    },
  },
  { ignores: ['**/build/**', '**/.svelte-kit/**', '**/*.ts', '!**/*.svelte.ts'] },
]
