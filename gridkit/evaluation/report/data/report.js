"use strict";
// Sound drives the picture: one player at a time, the crop video and the playhead follow it.
const play = (card) => {
  const video = card.querySelector("video");
  const players = [...card.querySelectorAll("audio")];
  for (const player of players) {
    const playhead = player.parentElement.querySelector(".playhead");
    const follow = () => {
      playhead.style.left = `${(100 * player.currentTime) / (player.duration || 3)}%`;
      playhead.classList.toggle("on", player.currentTime > 0);
      if (!player.paused) requestAnimationFrame(follow);
    };
    const place = () => {
      if (video) video.currentTime = Math.min(player.currentTime, video.duration || 0);
      follow();
    };
    player.addEventListener("play", () => {
      for (const other of document.querySelectorAll("audio")) if (other !== player) other.pause();
      place();
      if (video) video.play().catch(() => {});
    });
    player.addEventListener("pause", () => video && video.pause());
    player.addEventListener("seeking", place);
  }
  const button = card.querySelector(".video button");
  if (button) {
    button.addEventListener("click", () => {
      const playing = players.find((player) => !player.paused);
      if (playing) playing.pause();
      else if (players.length) players[0].play();
      else if (video.paused) video.play();
      else video.pause();
    });
  }
};
document.querySelectorAll(".card").forEach(play);

// Confusions: the pointer, or the arrow keys, read out a cell below its chart.
for (const chart of document.querySelectorAll("[data-chart=heat]")) {
  const cells = [...chart.querySelectorAll("[data-text]")];
  const cursor = chart.querySelector(".cursor");
  const readout = chart.parentElement.querySelector(".readout");
  let current = null;
  const show = (cell) => {
    current = cell;
    readout.textContent = cell.dataset.text;
    cursor.setAttribute("x", cell.getAttribute("x") - 0.5);
    cursor.setAttribute("y", cell.getAttribute("y") - 0.5);
    cursor.setAttribute("visibility", "visible");
  };
  chart.addEventListener("pointermove", (event) => {
    if (event.target.dataset.text) show(event.target);
  });
  chart.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step || !cells.length) return;
    event.preventDefault();
    if (!current) return show(cells[0]);
    const [row, column] = [+current.dataset.row, +current.dataset.column];
    const ahead = (cell) => (cell.dataset.row - row) * step[0] + (cell.dataset.column - column) * step[1];
    const aside = (cell) => Math.abs((cell.dataset.row - row) * step[1]) + Math.abs((cell.dataset.column - column) * step[0]);
    const next = cells.filter((cell) => ahead(cell) > 0).sort((a, b) => aside(a) * 30 + ahead(a) - aside(b) * 30 - ahead(b));
    if (next.length) show(next[0]);
  });
  chart.addEventListener("blur", () => cursor.setAttribute("visibility", "hidden"));
}
