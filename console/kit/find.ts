/**
 * What the search over everything finds: pages and acts by their words, and what the console's own finders
 * know.
 */
import { type Api, mayCall, type Session } from './api.ts'
import type { Group } from './contents.ts'
import { type TextKey, text, textIfAny } from './text.ts'

/** `beside` tells apart what has the same title. */
export type Found = { title: string; beside?: string; to: string }

export type FoundGroup = { title: string; found: Found[] }

/** Finds things by what is typed, while it is typed. */
export type Finder = {
  /** For sessions that may call this. */
  operation: string
  find(typed: string, call: Api['call'], signal: AbortSignal): Promise<FoundGroup[]>
}

/**
 * Something that is looked for only when somebody chooses it, since the look is recorded, or asks another
 * server.
 */
type LookUp = { operation: string; offer(typed: string): Found | undefined }

export type Search = {
  /** What can be found beside pages and acts, for the one who has typed nothing. */
  what: TextKey
  finders: Finder[]
  lookUps: { title: TextKey; looks: LookUp[] }[]
}

/** Shorter texts are in nearly everything. */
export const LEAST_TYPED = 2
const MOST_PAGES = 6

/**
 * `groups` are those of the session. Every typed word must be in the words of the page or act; a title that
 * begins with them is first.
 */
export function findPages(groups: Group[], session: Session, typed: string): FoundGroup[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean)
  const fits = (line: string): boolean => words.every((word) => line.toLowerCase().includes(word))
  const begins = (one: Found): number => (one.title.toLowerCase().startsWith(typed.toLowerCase()) ? 0 : 1)
  const pages: Found[] = []
  const acts: Found[] = []
  for (const entry of groups.flatMap(({ entries }) => entries)) {
    const within = text(entry.title)
    for (const tab of entry.tabs) {
      const title = text(tab.title)
      const beside = within === title ? {} : { beside: within }
      if (fits(`${title} ${within} ${tab.short === undefined ? '' : text(tab.short)}`))
        pages.push({ title, ...beside, to: tab.path })
      const forms = (tab.below ?? []).filter(({ path }) => !path.includes(':'))
      for (const { title: key, operation, path } of forms)
        if (mayCall(session, operation) && fits(text(key)))
          acts.push({ title: text(key), beside: title, to: path })
      for (const operation of tab.acts ?? []) {
        const act = textIfAny(`operation.${operation}`) ?? operation
        if (mayCall(session, operation) && fits(act)) acts.push({ title: act, beside: title, to: tab.path })
      }
    }
  }
  const first = (all: Found[]): Found[] => all.sort((a, b) => begins(a) - begins(b)).slice(0, MOST_PAGES)
  return [
    { title: text('find.pages'), found: first(pages) },
    { title: text('find.acts'), found: first(acts) },
  ].filter(({ found }) => found.length > 0)
}

/** What may be looked for on purpose. */
export function offeredLooks(search: Search, session: Session, typed: string): FoundGroup[] {
  return search.lookUps.flatMap(({ title, looks }) => {
    const found = looks
      .filter(({ operation }) => mayCall(session, operation))
      .flatMap((one) => one.offer(typed) ?? [])
    return found.length === 0 ? [] : { title: text(title), found }
  })
}
