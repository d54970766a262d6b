/** A page for what did not work, which says whether anything may have been done. */
import { type JsonAnswer, type NotCalled, whyOfStatus } from '../asking/call-service.ts'
import { messagePage } from '../pages/welcome.ts'
import type { Answer, Rooms, Visit } from '../routing/section.ts'
import { LIST } from './addresses.ts'

/**
 * The texts `<of>.title` and `<of>.text`. `back` is what the link to `href` says: the page that has to be
 * read anew, unless it is a list.
 */
export function plainPage(
  { place }: Pick<Rooms, 'place'>,
  { words, ...reader }: Visit['reader'],
  {
    of,
    status,
    href = LIST,
    back = href === LIST ? 'consents.back' : 'message.open',
    values = {},
  }: { of: string; status: number; href?: string; back?: string; values?: Record<string, string> },
): Answer {
  const link = { href, text: words(back) }
  const page = { title: words(`${of}.title`), text: words(`${of}.text`, values), link }
  return { page: messagePage(place, { ...reader, words }, page), status }
}

/** `isAct`: something should have been done, not looked at alone. */
export function notAnsweredPage(
  { place }: Pick<Rooms, 'place'>,
  reader: Visit['reader'],
  { answer, isAct, href = LIST }: { answer: JsonAnswer | NotCalled; isAct: boolean; href?: string },
): Answer {
  const { words } = reader
  const why = 'why' in answer ? answer.why : answer.status < 400 ? 'unreadable' : whyOfStatus(answer.status)
  const isOpen = 'why' in answer ? answer.isOpen : answer.status >= 500 || answer.status < 400
  const outcome = isAct ? ` ${words(isOpen ? 'act.open' : 'act.nothing')}` : ''
  const link = { href, text: words('message.again') }
  const page = messagePage(place, reader, {
    ...{ title: words('failure.title'), text: `${words(`why.${why}`)}${outcome}`, link },
  })
  return { page, status: 502 }
}
