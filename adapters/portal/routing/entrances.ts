/** Which addresses of the portal people may come to from elsewhere, such as a link in an agency's page. */
import type { Section } from './section.ts'

/**
 * One segment of an address, encoded: no dots alone, no slash in any form, nothing that a browser would read
 * otherwise.
 */
const SEGMENT = "(?!\\.{1,2}(?:/|$))(?:[A-Za-z0-9._~!'()*-]|%(?!2E|2F|5C|7F|[01])[0-9A-F]{2})+"
const MOST_CHARACTERS = 600

export function entrancesOf(sections: readonly Section[]): (address: string) => boolean {
  const entrances = sections
    .flatMap(({ routes }) => routes)
    .filter(({ isEntrance }) => isEntrance === true)
    .map(({ path }) => new RegExp(`^${path.replace(/:\w+/g, SEGMENT)}$`))
  return (address) => address.length <= MOST_CHARACTERS && entrances.some((one) => one.test(address))
}
