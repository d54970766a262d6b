/**
 * The one spelling of a source that an event type declares: without slashes at its end, which begin a segment
 * and name none.
 */
export function sourceForm(source: string): string {
  return source.replace(/\/+$/, '') || '/'
}
