/** Which pages somebody asked for with --only, and which of the others have to be opened to find them. */
type Asked = {
  /**
   * Whether a page is to be shown. `title`: its path as a pattern, then its side or its state:
   * /members/:id?view=history.
   */
  isAsked(title: string): boolean
  /** Whether it is to be opened: it is asked for, or it is the list that leads to one that is. */
  isOnTheWay(title: string): boolean
}

/**
 * Each of `only` is a page with those below it; / is the overview alone. Without any, all pages are asked
 * for.
 */
export function askedPages(only: readonly string[] | undefined): Asked {
  const isAsked = (title: string): boolean =>
    only?.some((one) => {
      const [bare = ''] = title.split(/[? ]/)
      return title === one || bare === one || (one !== '/' && bare.startsWith(`${one}/`))
    }) ?? true
  return {
    isAsked,
    isOnTheWay: (title) =>
      isAsked(title) || only?.some((one) => title !== '/' && one.startsWith(`${title}/`)) === true,
  }
}
