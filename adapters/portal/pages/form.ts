/** What each form of a page has, so that what it does is done for this session alone. */
import type { Session } from '../login/sessions.ts'
import { CSRF_FIELD, formToken } from '../routing/form.ts'
import { type Html, html } from './html.ts'

export function csrfField(session: Pick<Session, 'csrfToken' | 'acting'>): Html {
  return html`<input type="hidden" name="${CSRF_FIELD}" value="${formToken(session)}">`
}
