/**
 * What every page has: its head, the way through the portal, the choice of language and of how to read, whom
 * to ask.
 */
import type { Acting, Look, Session } from '../login/sessions.ts'
import { type Words, wordsOf } from '../texts.ts'
import { csrfField } from './form.ts'
import { type Html, html, NOTHING } from './html.ts'
import { DRAWINGS, ICONS } from './icons.ts'

/** What pages need of the portal. */
export type Place = {
  name: string
  contact: string
  languages: readonly string[]
  timeZone: string
  idleMinutes: number
  wholeMinutes: number
  /** Whether people may sign in with a wallet too. */
  hasWallets: boolean
  /** Whether people may come back with a passkey. */
  hasPasskeys: boolean
  /** Whether the code of a letter opens something without a login. */
  hasLetters: boolean
  /** Addresses of the files that pages load. */
  assets: { tokens: string; style: string; script: string; icon: string }
  /** The sections that are there for people who are signed in; `isActing`: for another. */
  menu(isActing: boolean): readonly MenuEntry[]
  /** Whether somebody may act for another here. */
  mayAct: boolean
}

/** Its text is `menu.<name>`. */
export type MenuEntry = { name: string; href: string }

export type Reader = { look: Look; session: Session | undefined; words: Words }

/** A page in two parts, between which its own content may come in pieces. */
type Frame = { head: Html; tail: Html }

export function readerOf(place: Place, look: Look, session: Session | undefined): Reader {
  return { look, session, words: wordsOf(look.language, { easy: look.easy, timeZone: place.timeZone }) }
}

/** How somebody reads, behind an address: where no session keeps it, addresses do. */
export function choicesOf({ language, large, easy }: Look): string {
  return `?${new URLSearchParams({ language, ...(large && { large: 'yes' }), ...(easy && { easy: 'yes' }) })}`
}

/** A page of the portal to which this reader goes on reading as they chose. */
export function hrefFor(path: string, { session, look }: Pick<Reader, 'session' | 'look'>): string {
  return session === undefined ? path + choicesOf(look) : path
}

/**
 * Where somebody signs in, to be led to `next` then, and to go on reading as they chose: a session before it
 * ends, with what it knows.
 */
export function signInAt(path: string, next: string, look: Look): string {
  const choices = choicesOf(look)
  // An identifier in the address has signs that a query would read otherwise.
  const written = next.replace(/[%&+]/g, encodeURIComponent)
  return next === '/' ? path + choices : `${path}?next=${written}&${choices.slice(1)}`
}

/**
 * `at` is the address of the page, to which the choices of how to read lead back; `section` the one of the
 * menu to which it belongs; `next` is where it goes at once.
 */
export function frameOf(
  place: Place,
  reader: Reader,
  q: { title: string; at: string; section?: string; next?: string },
): Frame {
  const { words, look, session } = reader
  const { assets } = place
  const classes = [look.large ? 'large' : '', look.easy ? 'easy' : ''].filter(Boolean).join(' ')
  const head = html`<!doctype html>
<html lang="${words.language}" dir="${words.direction}" class="${classes}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
${q.next === undefined ? NOTHING : html`<meta http-equiv="refresh" content="0;url=${q.next}">`}
<title>${q.title} – ${place.name}</title>
<link rel="icon" type="image/svg+xml" href="${assets.icon}">
<link rel="stylesheet" href="${assets.tokens}">
<link rel="stylesheet" href="${assets.style}">
<script src="${assets.script}" defer></script>
</head>
<body${session === undefined ? NOTHING : idleOf(place, words)}>
${DRAWINGS}
<a class="skip" href="#main">${words('frame.skip')}</a>
<header>
<div class="bar">
<a class="name" href="${hrefFor('/', reader)}">${ICONS.eye}<span>${place.name}</span></a>
${session === undefined ? NOTHING : signOut(session, words)}
</div>
${session === undefined ? NOTHING : signedIn(reader, session, place.mayAct)}
${session === undefined ? NOTHING : menu(place.menu(session.acting !== undefined), words, q.section)}
${choices(place, reader, q.at)}
</header>
${session?.acting === undefined ? NOTHING : actingFor(session.acting, words)}
<main id="main" tabindex="-1">
`
  const tail = html`
</main>
<footer>
<p>${words('frame.contact')} <bdi>${place.contact}</bdi></p>
<p>${words('frame.kept')} <a href="${hrefFor('/about', reader)}">${words('frame.about')}</a></p>
<p class="quiet">${words('frame.zone', { zone: place.timeZone })}</p>
</footer>
</body>
</html>
`
  return { head, tail }
}

export function wholePage(frame: Frame, content: Html): string {
  return frame.head.markup + content.markup + frame.tail.markup
}

/** Plainly on each page: for whom it is. */
function actingFor({ name, until }: Acting, words: Words): Html {
  const end =
    until === undefined ? '' : words('acting.until', { at: words.moment(new Date(until).toISOString()) })
  return html`<p class="acting" role="status"><strong>${words('acting.for')} <bdi>${name}</bdi>.</strong> ${end} <a href="/mandates/for">${words('acting.change')}</a></p>`
}

function signOut(session: Session, words: Words): Html {
  return html`<form method="post" action="/logout">${csrfField(session)}<button type="submit" class="plain">${words('frame.signOut')}</button></form>`
}

function signedIn({ words }: Reader, { person, by, acting }: Session, mayAct: boolean): Html {
  const other = html`<a href="/mandates/for">${words('acting.another')}</a>`
  return html`<p class="me"><span class="who"><bdi>${person.name}</bdi> <span class="quiet by-${by}">${words(`frame.by.${by}`)}</span></span>
${mayAct && acting === undefined ? other : NOTHING}</p>`
}

/**
 * The first page alone needs no menu. On a phone it is folded, and says where one is: beside each other the
 * sections would be cut off, and below each other take the room of what the person came for.
 */
function menu(entries: readonly MenuEntry[], words: Words, section: string | undefined): Html {
  if (entries.every(({ href }) => href === '/')) return NOTHING
  const here = entries.find(({ name }) => name === section)
  const entry = ({ name, href }: MenuEntry): Html =>
    html`<li><a href="${href}"${name === section ? html` aria-current="page"` : NOTHING}>${words(`menu.${name}`)}</a></li>`
  return html`<nav class="menu" aria-label="${words('frame.menu')}"><details><summary>${ICONS.bars}<span><strong>${words('frame.menu.short')}</strong>${here === undefined ? NOTHING : html` ${words(`menu.${here.name}`)}`}</span>${ICONS.open}</summary><ul>${entries.map(entry)}</ul></details></nav>`
}

/**
 * Of links alone, so that they work without script, and are kept with the session; without one, each holds
 * the other choices too.
 */
function choices({ languages }: Place, { words, look, session }: Reader, at: string): Html {
  const to = (choice: keyof Look, value: string): string => {
    const query = new URLSearchParams(session === undefined ? choicesOf(look) : '')
    query.set(choice, value)
    return `${at}${at.includes('?') ? '&' : '?'}${query}`
  }
  const language = (one: string): Html =>
    one === look.language
      ? html`<li><span lang="${one}" aria-current="true">${NAMES[one] ?? one}</span></li>`
      : html`<li><a lang="${one}" hreflang="${one}" href="${to('language', one)}">${NAMES[one] ?? one}</a></li>`
  return html`<div class="choices">
<nav aria-label="${words('frame.languages')}"><ul>${languages.map(language)}</ul></nav>
<nav aria-label="${words('frame.reading')}"><ul>
<li><a href="${to('large', look.large ? 'no' : 'yes')}">${words(look.large ? 'frame.normal' : 'frame.large')}</a></li>
<li><a href="${to('easy', look.easy ? 'no' : 'yes')}">${words(look.easy ? 'frame.full' : 'frame.easy')}</a></li>
</ul></nav>
</div>`
}

/** What the script needs to warn a person in time, and to clear the page of one who went away. */
function idleOf({ idleMinutes }: Place, words: Words): Html {
  return html` data-idle-minutes="${idleMinutes}" data-idle-warning="${words('frame.idle')}" data-idle-stay="${words('frame.stay')}"`
}

const NAMES: Record<string, string> = { en: 'English', et: 'Eesti', ko: '한국어', uk: 'Українська' }
