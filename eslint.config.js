import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: [".benchmarks/", "**/vendor/", ".venv/", "build/", "dist/", "docs/", "outputs/"] },
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2023, sourceType: "module" },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "consistent-return": "error",
      curly: ["error", "multi-line"],
      eqeqeq: "error",
      "max-lines": ["error", 260],
      "no-console": "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-shadow": "error",
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "prefer-template": "error",
    },
  },
  { files: ["dreamfilters/viewer/static/**/*.js"], languageOptions: { globals: globals.browser } },
  {
    files: ["dreamfilters/viewer/static/theme.js", "dreamfilters/report/templates/**/*.js"],
    languageOptions: { sourceType: "script", globals: globals.browser },
  },
  { files: ["tests/javascript/**/*.js"], languageOptions: { globals: { ...globals.node, location: "writable" } } },
];
