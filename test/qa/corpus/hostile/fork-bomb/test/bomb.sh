if [ "$1" -gt 0 ]; then
  sh "$0" $(($1 - 1)) &
  sh "$0" $(($1 - 1)) &
fi
sleep 30
