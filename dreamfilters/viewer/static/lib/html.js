// @ts-check
// Preact, its hooks and htm under one name: every view is written with them.
import * as hooks from "../vendor/hooks.js";
import htm from "../vendor/htm.js";
import * as preact from "../vendor/preact.js";

// The vendored files have no types; those of the same packages in node_modules describe them.
/** @type {typeof import("preact/hooks")} */
const typedHooks = /** @type {any} */ (hooks);
/** @type {typeof import("preact")} */
const typedPreact = /** @type {any} */ (preact);

export const { useEffect, useLayoutEffect, useMemo, useRef, useState } = typedHooks;
export const { render } = typedPreact;

/** @type {(strings: TemplateStringsArray, ...values: unknown[]) => import("preact").VNode} */
export const html = /** @type {any} */ (htm).bind(typedPreact.h);

/**
 * Join class names, without those that are empty or false.
 * @param {...(string | false | null | undefined)} all
 */
export const names = (...all) => all.filter(Boolean).join(" ");
