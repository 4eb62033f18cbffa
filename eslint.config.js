import js from '@eslint/js';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'crypto/**/*.as.ts', '**/*_pb.js', '**/*_pb.d.ts'] },
  js.configs.recommended,
  tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['eslint.config.js'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      // A forgotten await here is a reordered message or a mask used twice.
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'Named exports only.' },
      ],
      eqeqeq: 'error',
    },
  },
  // Prettier wraps code at 110 columns; this holds comments to it. Long strings stay in one piece, so that they can be found.
  {
    files: ['src/**/*.ts', 'models/**/*.ts', 'crypto/**/*.ts', 'pipelines/**/*.ts'],
    rules: {
      'max-len': [
        'error',
        { code: 110, ignoreStrings: true, ignoreTemplateLiterals: true, ignoreRegExpLiterals: true },
      ],
    },
  },
  // Only the command line prints; only it ends the process.
  {
    files: [
      'models/**',
      'crypto/**',
      'pipelines/**',
      'src/shared/**',
      'src/net/**',
      'src/web/**',
      'src/*.ts',
    ],
    rules: {
      'no-console': 'error',
      'no-restricted-properties': ['error', { object: 'process', property: 'exit' }],
    },
  },
  // A child process ends with its parent.
  { files: ['src/shared/child-process.ts'], rules: { 'no-restricted-properties': 'off' } },
  { files: ['eslint.config.js'], ...tseslint.configs.disableTypeChecked },
  { files: ['eslint.config.js', '**/vitest.config.ts'], rules: { 'no-restricted-syntax': 'off' } },
);
