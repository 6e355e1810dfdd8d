// The page of an analysis: what is pressed is where the video goes to, if it lies beside the page.
"use strict";
(() => {
  const video = document.getElementById("video");
  const absent = document.getElementById("no-video");
  const drawings = [...document.querySelectorAll("svg.scores")];
  const gone = () => { video.hidden = true; absent.hidden = false; };
  const there = () => { video.hidden = false; absent.hidden = true; };
  video.addEventListener("error", gone);
  video.addEventListener("loadedmetadata", there);
  if (video.error) gone();
  else if (video.readyState) there();
  document.querySelectorAll(".scripted").forEach((one) => { one.hidden = false; });

  // Once it is in use the video stays in sight: small in a corner, while its own place is out of the window.
  const place = video.parentElement;
  let used = false;
  let inSight = true;
  const settle = () => {
    const afloat = used && !inSight && !video.hidden;
    if (afloat && !place.classList.contains("afloat")) place.style.minHeight = `${place.offsetHeight}px`;
    else if (!afloat) place.style.minHeight = "";
    place.classList.toggle("afloat", afloat);
  };
  new IntersectionObserver(([entry]) => { inSight = entry.isIntersecting; settle(); }).observe(place);
  const use = () => { used = true; settle(); };
  video.addEventListener("play", use);

  const seek = (seconds) => {
    if (!video.readyState) return;
    video.currentTime = seconds;
    use();
  };
  const links = [...document.querySelectorAll("a[data-seconds]")];
  links.forEach((link) => {
    link.addEventListener("dragstart", (event) => event.preventDefault());
    link.addEventListener("click", (event) => {
      seek(Number(link.dataset.seconds));
      if ("stay" in link.dataset && !video.hidden) event.preventDefault();
    });
  });

  drawings.forEach((drawing) => {
    const last = Number(drawing.dataset.last);
    const ticks = [...drawing.parentElement.querySelectorAll(".ticks span")];
    let pressed = 0;
    drawing.addEventListener("looked", (event) => {
      const { start, wide } = event.detail;
      ticks.forEach((tick) => {
        const at = (Number(tick.dataset.at) - start) / wide;
        tick.hidden = at < 0 || at > 1;
        tick.style.left = `${100 * at}%`;
      });
    });
    drawing.addEventListener("pointerdown", (event) => { pressed = event.clientX; });
    // Beside an expression the video goes there; what ends a drag is no press.
    drawing.addEventListener("click", (event) => {
      if (Math.abs(event.clientX - pressed) > 4) { event.preventDefault(); return; }
      if (event.target.closest("a")) return;
      const box = drawing.getBoundingClientRect();
      const seen = drawing.viewBox.baseVal;
      seek(last * (seen.x + seen.width * (event.clientX - box.left) / box.width) / 1000);
    }, true);
  });

  // Where the video is, in every drawing.
  video.addEventListener("timeupdate", () => drawings.forEach((drawing) => {
    const at = 1000 * video.currentTime / Number(drawing.dataset.last);
    drawing.querySelector(".now").setAttribute("d", `M${at.toFixed(1)} -14V114`);
  }));
})();
