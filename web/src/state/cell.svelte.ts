// One turn on the page. Only who shows this turn is told when it grows.
import type { Turn } from "../api/types";

export class Cell {
  turn: Turn = $state.raw() as Turn;

  constructor(turn: Turn) {
    this.turn = turn;
  }
}
