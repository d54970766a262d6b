/**
 * What a console contains, declared in its pages.ts: groups of entries in the navigation, the tabs of an
 * entry, the pages of a tab.
 */
import type { ComponentType } from 'preact'
import { match } from './address.tsx'
import { mayCall, type Session } from './api.ts'
import type { TextKey } from './text.ts'

type View = ComponentType<{ params: Record<string, string> }>

export type Page = {
  /** A path such as '/members' or '/members/:id'. */
  path: string
  title: TextKey
  /** Callers of this operation see the page. */
  operation: string
  /** Loads the page's script, when somebody goes there. */
  load(): Promise<View>
}

type OperationInWords = TextKey extends infer Key
  ? Key extends `operation.${infer Name}`
    ? Name
    : never
  : never

export type Tab = Page & {
  /** The words of the tab, where the page's title stands for the whole entry. */
  short?: TextKey
  /**
   * Tabs side by side with the same words here stand under one tab of these words, which leads to the first
   * of them.
   */
  together?: TextKey
  /** Operations that people find by their words in the search: what one comes here to do. */
  acts?: OperationInWords[]
  /** The pages of one thing in the tab's list, and its forms. */
  below?: Page[]
}

/** One entry of the navigation. It opens the first of its tabs that its reader may see. */
type Entry = { title: TextKey; tabs: Tab[] }

export type Group = { title?: TextKey; entries: Entry[] }

export function page(path: string, title: TextKey, operation: string, load: () => Promise<View>): Page {
  return { path, title, operation, load }
}

/**
 * The groups with what this session may see: no tab of others' roles, no entry without a tab, no group
 * without an entry.
 */
export function contentsFor(session: Session, contents: Group[]): Group[] {
  const tabsFor = (tabs: Tab[]): Tab[] => tabs.filter(({ operation }) => mayCall(session, operation))
  const entriesFor = (entries: Entry[]): Entry[] =>
    entries.map((entry) => ({ ...entry, tabs: tabsFor(entry.tabs) })).filter(({ tabs }) => tabs.length > 0)
  return contents
    .map((group) => ({ ...group, entries: entriesFor(group.entries) }))
    .filter(({ entries }) => entries.length > 0)
}

export type Place = { entry: Entry; tab: Tab; page: Page; params: Record<string, string> }

/**
 * The page at a path, with its tab and entry. Where several patterns match, the one with the fewest
 * parameters is meant.
 */
export function placeOf(contents: Group[], path: string): Place | undefined {
  const places = contents
    .flatMap(({ entries }) => entries)
    .flatMap((entry) => entry.tabs.map((tab) => ({ entry, tab })))
    .flatMap(({ entry, tab }) => [tab, ...(tab.below ?? [])].map((page) => ({ entry, tab, page })))
    .flatMap((place) => {
      const params = match(place.page.path, path)
      return params === undefined ? [] : [{ ...place, params }]
    })
  return places.sort((a, b) => Object.keys(a.params).length - Object.keys(b.params).length)[0]
}
