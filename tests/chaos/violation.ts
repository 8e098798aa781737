/** `kind` is the promise that was broken. */
export interface Violation {
  readonly kind:
    | 'lost'
    | 'unfinished'
    | 'made twice'
    | 'double outcome'
    | 'broken log'
    | 'wrong answer'
    | 'wrong output'
    | 'unfounded outcome'
    | 'not stopped'
    | 'order'
    | 'not next again'
    | 'unfair'
    | 'follower gap'
    | 'follower duplicate'
    | 'follower differs'
    | 'unexpected'
  /** Of the request. */
  readonly id: string
  readonly what: string
}
