/** The last digit of an Estonian personal code, which its first ten give (EVS 585). Pure. */
const FIRST = [1, 2, 3, 4, 5, 6, 7, 8, 9, 1]
const SECOND = [3, 4, 5, 6, 7, 8, 9, 1, 2, 3]

/** `code` has eleven digits. */
export function isEstonianCode(code: string): boolean {
  const digits = [...code].map(Number)
  const rest = (weights: number[]): number =>
    weights.reduce((sum, weight, i) => sum + weight * digits[i]!, 0) % 11
  const first = rest(FIRST)
  return (first < 10 ? first : rest(SECOND) % 10) === digits[10]
}
