/**
 * Shows pages of things that a sandbox does not have: what their console asks for is answered as a server
 * once answered (schemas/answers). Nothing but reading is answered so. Who is there is answered so only where
 * no server runs.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Page } from 'playwright-core'
import { parse } from 'yaml'
import { ROOT } from '../house/source-files.ts'

const APIS = {
  registry: 'central-registry',
  agency: 'security-server',
} as const

type Operation = { operationId: string; 'x-roles'?: string[] }
type Api = { paths: Record<string, { get?: Operation }> }

type Recorded = {
  /** The page's own address: its parameters are those of the thing that was recorded. */
  addressOf(pattern: string, operation: string): string
  /**
   * From now on the page sees what was recorded, with these fields of an operation's answer otherwise, until
   * the given function is called.
   */
  show(page: Page, otherwise: Record<string, object>): Promise<() => Promise<void>>
}

/** `alone`: no server runs, so somebody with all roles is there, and what was not recorded is not found. */
export function recordedAnswers(console: keyof typeof APIS, { alone }: { alone: boolean }): Recorded {
  const name = APIS[console]
  const document = parse(readFileSync(path.join(ROOT, `schemas/${name}-api.yaml`), 'utf8'), {
    maxAliasCount: -1,
  }) as Api
  const answers = JSON.parse(readFileSync(path.join(ROOT, `schemas/answers/${name}.json`), 'utf8')) as Record<
    string,
    object
  >
  const reads = Object.entries(document.paths).flatMap(([url, { get }]) =>
    get === undefined ? [] : [{ steps: url.split('/'), of: get }],
  )
  const roles = [...new Set(reads.flatMap(({ of }) => of['x-roles'] ?? []))].filter((one) => one !== 'any')
  const known: Record<string, object> = alone
    ? { ...answers, getSession: { ...answers['getSession'], roles } }
    : Object.fromEntries(Object.entries(answers).filter(([operation]) => operation !== 'getSession'))
  const operationAt = (url: string): string | undefined => {
    const steps = url.split('/')
    const fitting = reads.filter(
      (one) =>
        one.steps.length === steps.length &&
        one.steps.every((step, at) => step.startsWith('{') || step === steps[at]),
    )
    const named = ({ steps: of }: { steps: string[] }): number =>
      of.filter((one) => !one.startsWith('{')).length
    return fitting.sort((one, other) => named(other) - named(one))[0]?.of.operationId
  }
  return {
    addressOf: (pattern, operation) =>
      pattern.replace(/:(\w+)/g, (_, field: string) => {
        const value = (answers[operation] as Record<string, unknown> | undefined)?.[field]
        return encodeURIComponent(typeof value === 'object' ? '1' : String(value ?? '1'))
      }),
    async show(page, otherwise) {
      const place = '**/api/v1/**'
      await page.route(place, async (route) => {
        const request = route.request()
        const operation = operationAt(new URL(request.url()).pathname.replace('/api/v1', '')) ?? ''
        const answer = request.method() === 'GET' ? known[operation] : undefined
        if (answer === undefined) {
          const fault = { type: 'not_found', message: 'Nothing was recorded for this.', detail: operation }
          return alone ? route.fulfill({ status: 404, json: fault }) : route.continue()
        }
        const json = Array.isArray(answer) ? answer : { ...answer, ...otherwise[operation] }
        const headers: Record<string, string> = Array.isArray(answer)
          ? { 'x-total-count': String(answer.length) }
          : {}
        return route.fulfill({ json, headers })
      })
      return () => page.unroute(place)
    },
  }
}
