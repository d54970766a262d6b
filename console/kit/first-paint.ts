/** The whole program that a page runs before it paints: see look.ts. */
import { wear } from './look.ts'

wear()
