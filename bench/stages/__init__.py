"""One counting stage, written for each way of delivery; every file is the program of one worker process."""
