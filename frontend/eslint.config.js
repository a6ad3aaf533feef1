import eslint from '@eslint/js'
import hooks from 'eslint-plugin-react-hooks'
import tseslint from 'typescript-eslint'

const onlyInViewer = {
  patterns: [
    {
      group: ['@cornerstonejs/*', 'dicom-parser'],
      message: 'Only src/viewer imports Cornerstone3D: go through its classes.',
    },
  ],
}
const noReact = {
  patterns: [
    { group: ['react', 'react-*', '@mantine/*', '@tanstack/*'], message: 'src/viewer is plain TypeScript.' },
  ],
}

export default tseslint.config(
  { ignores: ['dist', 'src/api/schema.ts'] },
  eslint.configs.recommended,
  tseslint.configs.strictTypeChecked,
  { languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } } },
  {
    files: ['src/**/*.{ts,tsx}', 'tests/**/*.ts'],
    rules: {
      'no-restricted-imports': ['error', onlyInViewer],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      'max-lines-per-function': ['error', { max: 120, skipBlankLines: true, skipComments: true }],
      'max-lines': ['error', 400],
    },
  },
  // A third of the linter's time: not where there is no React.
  {
    files: ['src/**/*.{ts,tsx}'],
    ignores: ['src/viewer/**', 'src/i18n/**'],
    plugins: { 'react-hooks': hooks },
    rules: hooks.configs.recommended.rules,
  },
  { files: ['src/viewer/**/*.ts', 'tests/harness/**/*.ts'], rules: { 'no-restricted-imports': ['error', noReact] } },
  { files: ['*.js', '*.ts'], extends: [tseslint.configs.disableTypeChecked] },
)
