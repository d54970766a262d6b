/** The installation ceremony by two people, and what tests of people need after it. */
import { readFileSync } from 'node:fs'
import type { BrowserContextOptions } from 'playwright-core'
import type { Test } from 'tap'
import { arrive, installRegistry, inviteReaders } from '#scripts/sandbox/install-registry.ts'
import { layoutOf } from '#scripts/sandbox/layout.ts'
import type { World } from '../world.ts'
import { type Browser, openBrowser } from './openid-provider.ts'
import type { Node } from './registry-world.ts'

/** The base URL of the registry for browsers. */
export const baseOf = (node: Node): string => node.settings.login!.baseUrl

export const codeOf = (node: Node, which: 'first' | 'second'): string =>
  readFileSync(node.settings.login![`${which}CodeFile`], 'utf8').trim()

/** The browser's session at this registry, for a context of Chromium. */
export function sessionOf(browser: Browser, node: Node): BrowserContextOptions {
  return sessionAt(browser, baseOf(node))
}

/** As `sessionOf`, for any server with a login. */
export function sessionAt(browser: Browser, base: string): BrowserContextOptions {
  const { host, hostname: domain } = new URL(base)
  const cookies = [...(browser.cookies.get(host) ?? [])].map(([name, value]) => ({
    ...{ name, value, domain, path: '/', expires: -1, httpOnly: true, secure: false },
    sameSite: 'Strict' as const,
  }))
  return { storageState: { cookies, origins: [] } }
}

/** Two administrators, each logged in with a browser of their own. */
export async function install(t: Test, node: Node): Promise<{ anna: Browser; ben: Browser }> {
  const anna = openBrowser(t)
  const ben = openBrowser(t)
  for (const [name, browser, which] of [
    ['anna', anna, 'first'],
    ['ben', ben, 'second'],
  ] as const) {
    await browser.login(baseOf(node), name)
    const code = codeOf(node, which)
    const { status } = await browser.api(baseOf(node), 'POST', '/installation/redeem', { code })
    if (status !== 200) throw new Error(`${name} could not redeem: ${status}`)
    await browser.login(baseOf(node), name)
  }
  return { anna, ben }
}

/**
 * The ceremony at a sandbox's registry, by its two administrators, who invite its readers too: from then on
 * trust takes both of them.
 */
export async function installSandbox({ directory, address }: World): Promise<void> {
  const layout = layoutOf(directory, address(1).replace(/\.1$/, ''))
  const two = await arrive(layout)
  try {
    await installRegistry(two, layout)
    await inviteReaders(two, layout)
  } finally {
    await Promise.all(two.map((one) => one.close()))
  }
}
